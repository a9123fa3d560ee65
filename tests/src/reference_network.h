/* A network in double precision, written from the textbook: the judge of the engine's gradients. It shares the
 * network's description and the random numbers with the engine, and nothing else: images one by one, layers one by one,
 * no blocks, no fusion. */
#ifndef REFERENCE_NETWORK_H
#define REFERENCE_NETWORK_H

#include "../../src/model/variables.h"

typedef struct reference_dropout {
    uint64_t seed;
    uint32_t step;
} reference_dropout;

/* Mean cross-entropy of `count` images [count][height][width][channels] under parameters in the engine's flat layout.
 * dropout NULL: as in inference. probabilities [count][classes] may be NULL. */
double reference_loss(const cvy_network *network, const cvy_variables *variables, const double *parameters,
                      const float *images, const uint8_t *labels, size_t count, const reference_dropout *dropout,
                      double *probabilities);

#endif
