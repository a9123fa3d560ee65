/* What a training step is made of. A run is what all its threads see: an epoch from some step on. */
#ifndef CVY_STEP_H
#define CVY_STEP_H

#include "trainer_object.h"

typedef enum cvy_halt { CVY_HALT_NO, CVY_HALT_PAUSED, CVY_HALT_STOPPED, CVY_HALT_LOSS, CVY_HALT_UPDATE } cvy_halt;

typedef struct cvy_run {
    cvy_trainer *trainer;
    const cvy_dataset *dataset;
    cvy_epoch *epoch;          /* thread 0 writes what is done */
    size_t begin, steps;       /* the run's steps are begin .. steps - 1 of the epoch */
    uint64_t first_step;       /* of the optimizer, before the epoch */
    double begun;              /* clock at which the epoch would have begun without pauses */
    cvy_halt halt;             /* thread 0 writes it; others read it where a barrier lies between */
    bool halted[CVY_REPLICAS]; /* with replicas: whether it halts, as of an even and an odd step's barrier */
} cvy_run;

/* The images of a step. */
static inline const uint32_t *cvy_run_batch(const cvy_run *run, size_t step, size_t *images) {
    const cvy_epoch *epoch = run->epoch;
    const size_t first = step * epoch->batch_size, left = epoch->count - first;
    *images = left < epoch->batch_size ? left : epoch->batch_size;
    return epoch->order + first;
}

/* Each thread, before its first step and after its last. */
void cvy_run_begin(const cvy_run *run, int thread);
void cvy_run_end(const cvy_run *run, int thread);

/* Whether what the threads updated in the last step is finite: gradients and parameters. */
bool cvy_run_is_finite(const cvy_run *run, int threads);

/* Learning rate of the optimizer's next step. */
double cvy_step_learning_rate(const cvy_run *run, const cvy_optimizer *optimizer);

/* What the gradient of a thread's blocks is computed with. */
typedef struct cvy_step_buffers {
    const float *parameters;
    size_t slot;             /* the first of the worker's gradients and results that may be written */
    bool prefetch_gradients; /* another core has read the gradients: fetch them in the forward pass */
} cvy_step_buffers;

/* The thread's blocks, one after another: load, forward, loss, backward. Leaves in the worker's reduction the sums of
 * the blocks' gradients, as far as its own blocks complete the tree, and in its results the losses. */
void cvy_step_gradient(const cvy_run *run, size_t step, int thread, int threads, cvy_step_buffers buffers);

/* Thread 0, when the gradients are complete: adds the step's results to the metrics, reports progress, and decides
 * whether the run goes on. */
void cvy_step_finish(cvy_run *run, int threads, size_t slot);

/* All steps of a run on any number of threads: gradients, barrier, each thread's slice of the update, barrier. */
void cvy_run_shared(void *run, int thread, int threads);
/* All steps of a run on two threads with a block each: each updates a replica of all parameters. */
void cvy_run_replicated(void *run, int thread, int threads);

#endif
