/* The parameters of a network: one flat array of floats, each variable at a cache line of its own. */
#ifndef CVY_VARIABLES_H
#define CVY_VARIABLES_H

#include "network.h"

typedef struct cvy_variable {
    char path[2 * CVY_NAME_MAX + 16]; /* Keras's: "conv2d_1/kernel"; Sequential: "sequential/conv2d_1/kernel" */
    int layer;                        /* index in the network */
    int rank;
    size_t shape[4];      /* kernels HWIO or (in, out), biases (out) */
    size_t offset, count; /* floats in the flat array; offset is a multiple of 16 */
    cvy_initializer initializer;
    size_t fan_in, fan_out; /* of the initialiser */
} cvy_variable;

typedef struct cvy_variables {
    int count;
    cvy_variable *list; /* in the order of the layers, kernel before bias */
    size_t floats;      /* of the flat array, padding included: a multiple of 16. Padding stays +0 */
    size_t parameters;  /* of the variables, without padding */
} cvy_variables;

/* Lists the variables of a network; on an error the list is empty. */
bool cvy_variables_layout(const cvy_network *network, cvy_variables *variables, cvy_status *status);

/* Frees the list. */
void cvy_variables_free(cvy_variables *variables);

/* Keras's initialisers with counter-based random numbers: the same values on every machine. Sets all variables->floats
 * of `parameters`, padding to +0. Normal initialisers are truncated at two standard deviations. */
void cvy_variables_initialize(const cvy_variables *variables, uint64_t seed, float *parameters);

#endif
