/* Two threads with a block each: all that a step does is a few dozen us, and what crosses between the cores counts.
 *
 * Where each thread updates half of the parameters, it begins its next step by waiting for the half that the other has
 * just written. Here each sums both gradients and updates all parameters, in a replica of its own: then only gradients
 * cross, and the threads meet once a step, when these are complete. A thread that goes on to the next step writes its
 * gradient to the other of two buffers, for the other thread may still be reading the first. Lines of a buffer were
 * last read by the other core; on the way forward they are asked back, a part behind every stage, so that the dense
 * layers' gradients, which are most of it, do not wait for them.
 *
 * Epochs of the lesson, batch 32, in ms (Zen 5, AVX-512, runs in turn at real-time priority, lower quartiles): one
 * thread 112.7; two with halves of the parameters 77.0, with replicas 72.6, with lines asked back as well 68.6. Reading
 * ahead of the sum, and sum and update in pieces that stay in the first-level cache, brought nothing. */
#include <string.h>

#include "steps.h"

/* The thread's replica: the trainer's own for thread 0, whose callbacks and callers read that. */
typedef struct replica {
    float *parameters;
    cvy_optimizer optimizer;
} replica;

static replica replica_of(const cvy_trainer *trainer, int thread) {
    const size_t floats = trainer->variables.floats, bytes = floats * sizeof(float);
    replica r = {trainer->parameters, trainer->optimizer};
    if (thread == 0)
        return r;
    float *own = trainer->workers[thread].replica;
    r.parameters = memcpy(own, trainer->parameters, bytes);
    for (int i = 0; i < cvy_optimizer_slots(&r.optimizer.settings); i++)
        r.optimizer.state[i] = memcpy(own + (size_t)(1 + i) * floats, trainer->optimizer.state[i], bytes);
    return r;
}

/* The sum of both threads' gradients, in the order of the blocks. The last step of an epoch may have a single block,
 * which is thread 1's. */
static const float *sum_of(const cvy_run *run, size_t step, int thread, size_t slot) {
    const cvy_trainer *trainer = run->trainer;
    const size_t floats = trainer->variables.floats;
    const float *left = trainer->workers[0].gradients + slot * floats;
    const float *right = trainer->workers[1].gradients + slot * floats;
    float *sum = trainer->workers[thread].gradients + 2 * floats;
    size_t images;
    cvy_run_batch(run, step, &images);
    if (cvy_blocks_of(images) == 1)
        return right;
    trainer->kernels->add(floats, left, right, sum);
    return sum;
}

void cvy_run_replicated(cvy_run *run, int thread) {
    cvy_trainer *trainer = run->trainer;
    cvy_worker *worker = &trainer->workers[thread];
    replica own = replica_of(trainer, thread);
    cvy_workers_meet(trainer, CVY_REPLICAS); /* copied before anybody updates */
    for (size_t step = 0; step < run->steps; step++) {
        const size_t slot = step % 2;
        cvy_optimizer_begin(&own.optimizer, cvy_run_learning_rate(run, &own.optimizer));
        /* Thread 0 may halt once a step is done, and goes on to one more meeting to tell. What it says for that meeting
         * stands in a place of its own: thread 1 may not have read yet what was said for the one before. */
        if (thread == 0)
            run->told[slot] = run->halt;
        if (thread != 0 || run->halt == CVY_HALT_NO)
            cvy_run_blocks(run, step, thread, CVY_REPLICAS, own.parameters, slot);
        cvy_workers_meet(trainer, CVY_REPLICAS);
        cvy_watch_step(worker->watch, CVY_PART_WAIT_GRADIENTS);
        if (run->told[slot] != CVY_HALT_NO)
            break;
        const float *gradient = sum_of(run, step, thread, slot);
        cvy_watch_step(worker->watch, CVY_PART_REDUCTION);
        worker->finite = cvy_optimizer_update(&own.optimizer, trainer->kernels, 0, trainer->variables.floats, gradient,
                                              own.parameters);
        cvy_watch_step(worker->watch, CVY_PART_UPDATE);
        if (thread == 0) {
            trainer->optimizer = own.optimizer;
            trainer->gradient = gradient;
            cvy_run_conclude(run, CVY_REPLICAS, slot);
        }
        cvy_watch_step(worker->watch, CVY_PART_CONCLUSION);
        if (!worker->finite) /* in both replicas alike */
            break;
    }
}
