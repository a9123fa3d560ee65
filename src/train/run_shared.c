/* Steps on any number of threads, which share one set of parameters. */
#include "step.h"

/* Sums the threads' gradients over the thread's slice of the parameters, and updates that slice. */
static void update_slice(const cvy_run *run, int thread, int threads) {
    cvy_trainer *trainer = run->trainer;
    cvy_worker *workers = trainer->workers.list;
    const size_t lines = trainer->variables.floats / CVY_LANES;
    const size_t first = lines * (size_t)thread / (size_t)threads * CVY_LANES;
    const size_t count = lines * ((size_t)thread + 1) / (size_t)threads * CVY_LANES - first;

    cvy_watch_enter(workers[thread].watch, CVY_PART_REDUCTION);
    cvy_reduction batch = {0};
    for (int t = 0; t < threads; t++)
        for (int i = 0; i < workers[t].reduction.count; i++)
            cvy_reduction_push(&batch, workers[t].reduction.nodes[i], trainer->kernels, first, count);
    cvy_reduction_finish(&batch, trainer->kernels, first, count);
    if (thread == 0)
        trainer->gradient = batch.nodes[0].sum;
    cvy_watch_enter(workers[thread].watch, CVY_PART_UPDATE);
    workers[thread].finite = cvy_optimizer_update(&trainer->optimizer, trainer->kernels, first, count,
                                                  batch.nodes[0].sum, trainer->parameters);
}

/* Between the two barriers of a step thread 0 alone writes run->halt, so all threads leave after the same step. */
void cvy_run_shared(void *argument, int thread, int threads) {
    cvy_run *run = argument;
    cvy_trainer *trainer = run->trainer;
    cvy_watch *watch = trainer->workers.list[thread].watch;
    cvy_run_begin(run, thread);
    for (size_t step = run->begin; step < run->steps; step++) {
        if (thread == 0)
            cvy_optimizer_begin(&trainer->optimizer, cvy_step_learning_rate(run, &trainer->optimizer));
        cvy_step_gradient(run, step, thread, threads, (cvy_step_buffers){.parameters = trainer->parameters});
        cvy_watch_enter(watch, CVY_PART_WAIT_GRADIENTS);
        cvy_workers_barrier(&trainer->workers, threads);
        update_slice(run, thread, threads);
        cvy_watch_enter(watch, CVY_PART_METRICS);
        if (thread == 0)
            cvy_step_finish(run, threads, 0);
        cvy_watch_enter(watch, CVY_PART_WAIT_PARAMETERS);
        cvy_workers_barrier(&trainer->workers, threads);
        if (run->halt != CVY_HALT_NO || !cvy_run_is_finite(run, threads))
            break;
    }
    cvy_run_end(run, thread);
}
