/* An epoch, or a single step, as all threads see it, and the parts of which its steps are made. */
#ifndef CVY_STEPS_H
#define CVY_STEPS_H

#include "batch.h"

typedef enum cvy_halt { CVY_HALT_NO, CVY_HALT_STOPPED, CVY_HALT_LOSS, CVY_HALT_UPDATE } cvy_halt;

typedef struct cvy_run {
    cvy_trainer *trainer;
    const cvy_dataset *dataset;
    const uint32_t *order;
    size_t count, batch_size, steps;
    const volatile sig_atomic_t *stop;
    cvy_step_fn *on_step;
    void *user;
    cvy_metrics *metrics;
    uint64_t first_step; /* steps done before this cvy_run */
    double begun, shown; /* clock: the epoch's begin, the last on_step */
    size_t step;         /* thread 0: steps done */
    cvy_halt halt;       /* thread 0's; the others read it where two meetings a step keep them from doing so early */
    cvy_halt told[2];    /* the same where there is one: what thread 0 said before an even, an odd step's meeting */
} cvy_run;

/* The images of a step. */
static inline const uint32_t *cvy_run_batch(const cvy_run *run, size_t step, size_t *images) {
    size_t first = step * run->batch_size;
    *images = run->count - first < run->batch_size ? run->count - first : run->batch_size;
    return run->order + first;
}

/* Of the optimizer's coming step. */
double cvy_run_learning_rate(const cvy_run *run, const cvy_optimizer *optimizer);

/* First half of a step: the thread's blocks, forward and backward, and the sum of their gradients as far as its own
 * blocks complete the tree. `slot` is the first of the worker's gradients and results that it may write. */
void cvy_run_blocks(const cvy_run *run, size_t step, int thread, int threads, const float *parameters, size_t slot);

/* Thread 0, when the gradients are complete: sums the step's results in the order of its blocks, reports, and says
 * whether to go on. */
void cvy_run_conclude(cvy_run *run, int threads, size_t slot);

/* Two threads with a block each, and parameters that are few: all steps of a run (replicated.c). */
void cvy_run_replicated(cvy_run *run, int thread);

#endif
