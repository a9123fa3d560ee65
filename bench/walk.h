/* A training step on one thread, as train/training.c takes it, with a stop watch on one of its parts. */
#ifndef BENCH_WALK_H
#define BENCH_WALK_H

#include "../src/model/block.h"
#include "../src/train/optimizer.h"
#include "../src/train/reduce.h"
#include "data.h"
#include "harness.h"

typedef enum walk_part {
    WALK_LOAD, /* images into the block */
    WALK_FORWARD,
    WALK_LOSS,
    WALK_BACKWARD_WEIGHTS,
    WALK_BACKWARD_DATA,
    WALK_SUM, /* of the blocks' gradients */
    WALK_UPDATE,
    WALK_PARTS
} walk_part;

extern const char *const walk_part_names[WALK_PARTS];

typedef struct walk {
    cvy_network *network;
    cvy_variables variables;
    cvy_plan plan;
    bench_data data;
    cvy_optimizer optimizer;
    float *workspace, *parameters, *gradients;
    size_t batch, at; /* images a step; how far the epoch has come */
    uint32_t epoch;
    uint32_t *order;
} walk;

/* What the stop watch is on. */
typedef struct walk_watch {
    walk_part part;
    int stage;         /* for the parts that have stages */
    bool cold;         /* the part begins with empty caches */
    double clock_cost; /* of reading the clock, which is taken off */
    double seconds;    /* of the step */
} walk_watch;

/* Fresh weights, Keras's RMSprop. */
bool walk_begin(walk *w, const char *model, const char *data, size_t batch, cvy_status *status);
void walk_end(walk *w);

/* One step on the next batch of the shuffled epoch; watch may be NULL. */
void walk_step(walk *w, const cvy_kernels *kernels, walk_watch *watch);

/* The layers that a stage stands for: "conv2d+max_pooling2d". */
void walk_stage_name(const cvy_network *network, const cvy_stage *stage, char *name, size_t size);

/* Blocks of a whole batch. */
size_t walk_blocks(const walk *w);

#endif
