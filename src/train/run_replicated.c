/* Steps on two threads with a block each, where a step takes a few dozen us and the lines that cross between the cores
 * count.
 *
 * If each thread updated half of the parameters, it would begin its next step by waiting for the half that the other
 * has just written. Instead each thread sums both gradients and updates all parameters, in a replica of its own. Only
 * gradients cross then, and one barrier a step is enough: the one at which they are complete. A thread that goes on to
 * the next step writes its gradient to the other of two buffers, since the other thread may still read the first. The
 * other core has read the lines of a buffer last; the thread prefetches them during the forward pass, a part behind
 * every stage, so that the dense layers' gradients, most of the buffer, do not wait for them.
 *
 * Epochs of the lesson, batch 32, in ms (Zen 5, AVX-512, runs in turn at real-time priority, lower quartiles): one
 * thread 112.7; two with halves of the parameters 77.0, with replicas 72.6, with prefetched lines as well 68.6. Two
 * ideas brought nothing: reading ahead of the sum; sum and update in pieces that stay in the first-level cache. */
#include <string.h>

#include "step.h"

/* The thread's replica. Thread 0 has the trainer's own parameters, which callbacks and callers read. */
typedef struct replica {
    float *parameters;
    cvy_optimizer optimizer;
} replica;

static replica replica_of(const cvy_trainer *trainer, int thread) {
    const size_t floats = trainer->variables.floats, bytes = floats * sizeof(float);
    replica r = {trainer->parameters, trainer->optimizer};
    if (thread == 0)
        return r;
    float *own = trainer->workers.list[thread].replica;
    r.parameters = memcpy(own, trainer->parameters, bytes);
    for (int i = 0; i < cvy_optimizer_slots(&r.optimizer.settings); i++)
        r.optimizer.state[i] = memcpy(own + (size_t)(1 + i) * floats, trainer->optimizer.state[i], bytes);
    return r;
}

/* The sum of both threads' gradients, in the order of the blocks. The last step of an epoch may have a single block,
 * which is thread 1's. */
static const float *sum_gradients(const cvy_run *run, size_t step, int thread, size_t slot) {
    const cvy_trainer *trainer = run->trainer;
    const cvy_worker *workers = trainer->workers.list;
    const size_t floats = trainer->variables.floats;
    const float *left = workers[0].gradients + slot * floats, *right = workers[1].gradients + slot * floats;
    float *sum = workers[thread].gradients + 2 * floats;
    size_t images;
    cvy_run_batch(run, step, &images);
    if (cvy_blocks_of(images) == 1)
        return right;
    trainer->kernels->add(floats, left, right, sum);
    return sum;
}

void cvy_run_replicated(void *argument, int thread, int threads) {
    cvy_run *run = argument;
    cvy_trainer *trainer = run->trainer;
    cvy_worker *worker = &trainer->workers.list[thread];
    replica own = replica_of(trainer, thread);
    cvy_run_begin(run, thread);
    cvy_workers_barrier(&trainer->workers, threads); /* copied before anybody updates */
    for (size_t step = run->begin; step < run->steps; step++) {
        const size_t slot = step % 2;
        cvy_optimizer_begin(&own.optimizer, cvy_step_learning_rate(run, &own.optimizer));
        /* Thread 0 halts after a step, and takes part in one more barrier to say so. It writes the decision to one of
         * two places in turn, since thread 1 may not have read the last one yet. */
        if (thread == 0)
            run->halted[slot] = run->halt != CVY_HALT_NO;
        if (thread != 0 || run->halt == CVY_HALT_NO)
            cvy_step_gradient(
                run, step, thread, threads,
                (cvy_step_buffers){.parameters = own.parameters, .slot = slot, .prefetch_gradients = true});
        cvy_watch_enter(worker->watch, CVY_PART_WAIT_GRADIENTS);
        cvy_workers_barrier(&trainer->workers, threads);
        if (run->halted[slot])
            break;
        cvy_watch_enter(worker->watch, CVY_PART_REDUCTION);
        const float *gradient = sum_gradients(run, step, thread, slot);
        cvy_watch_enter(worker->watch, CVY_PART_UPDATE);
        worker->finite = cvy_optimizer_update(&own.optimizer, trainer->kernels, 0, trainer->variables.floats, gradient,
                                              own.parameters);
        cvy_watch_enter(worker->watch, CVY_PART_METRICS);
        if (thread == 0) {
            trainer->optimizer = own.optimizer;
            trainer->gradient = gradient;
            cvy_step_finish(run, threads, slot);
        }
        if (!worker->finite) /* in both replicas alike */
            break;
    }
    cvy_run_end(run, thread);
}
