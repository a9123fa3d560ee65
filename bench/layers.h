/* The layers of a network, each where it stands: benchmarks of every stage of the plan, forward and backward, on the
 * way of real images through a training step on one thread.
 *
 * An iteration is a step (the batch's blocks one after another, then the sum of their gradients and the update), of
 * which the time of one part is reported: so a layer finds in the caches what the layer before it left there, and
 * branches see images that they have not seen before. The parts of a step add up to it. Names are
 * layer/NETWORK/LAYERS/PART/TIER/warm, the last being "cold" when the part finds the block's workspace, the parameters
 * and the gradients in memory. */
#ifndef BENCH_LAYERS_H
#define BENCH_LAYERS_H

#include <stddef.h>

#include "../src/base/status.h"
#include "../src/convoy.h"

typedef struct bench_layers_options {
    const char *model; /* a built-in network or a file of Keras's */
    const char *data;  /* directory; NULL: where MNIST usually is */
    size_t batch;
    unsigned tiers;
    double seconds; /* of a run: as many steps as take about so long */
} bench_layers_options;

bool bench_register_layers(const bench_layers_options *options, cvy_status *status);
void bench_layers_free(void);

#endif
