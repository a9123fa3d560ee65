/* The layers of a network, measured where they stand: each stage of the plan, forward and backward, while the trainer
 * trains on real images on one thread.
 *
 * An iteration is a step of the trainer. A stop watch (train/watch.h, cvy_watch_hook) times one part of it. So a
 * layer finds in the caches what the layer before it left there, and branches see images that they have not seen
 * before. The parts add up to the step. Names are layer/NETWORK/LAYERS/PART/TIER/warm, or "cold" where the caches hold
 * nothing of the block's workspace, the parameters and the gradients when the part begins. */
#ifndef BENCH_LAYERS_H
#define BENCH_LAYERS_H

#include "../src/convoy.h"
#include "../src/train/watch.h"

typedef struct bench_layers_options {
    const char *model; /* a built-in network or a file of Keras's */
    const char *data;  /* directory; NULL: where MNIST usually is */
    size_t batch;
    unsigned tiers;
    double seconds; /* of a run: as many steps as take about that long */
} bench_layers_options;

bool bench_register_layers(const bench_layers_options *options, cvy_status *status);
void bench_layers_free(void);

/* Names of a stage's parts in names of benchmarks: "forward", ... */
extern const char *const bench_stage_parts[CVY_PARTS_OF_STAGE];

/* The layers of a stage, as in "conv2d+max_pooling2d". */
void bench_stage_name(const cvy_network *network, const cvy_stage *stage, char *name, size_t size);

#endif
