/* Training: an epoch, or a single step, from the caller's view. */
#include <string.h>

#include "step.h"

static void keep_state(cvy_trainer *trainer) {
    size_t bytes = trainer->variables.floats * sizeof(float);
    memcpy(trainer->saved[0], trainer->parameters, bytes);
    for (int i = 0; i < cvy_optimizer_slots(&trainer->optimizer.settings); i++)
        memcpy(trainer->saved[1 + i], trainer->optimizer.state[i], bytes);
    trainer->saved_optimizer = trainer->optimizer;
}

static void restore_state(cvy_trainer *trainer) {
    size_t bytes = trainer->variables.floats * sizeof(float);
    memcpy(trainer->parameters, trainer->saved[0], bytes);
    for (int i = 0; i < cvy_optimizer_slots(&trainer->optimizer.settings); i++)
        memcpy(trainer->optimizer.state[i], trainer->saved[1 + i], bytes);
    trainer->optimizer = trainer->saved_optimizer;
}

static bool report_halt(const cvy_run *run, cvy_status *status) {
    const size_t step = run->epoch->step;
    switch (run->halt) {
    case CVY_HALT_NO:
    case CVY_HALT_PAUSED:
        break;
    case CVY_HALT_STOPPED:
        return cvy_fail(status, CVY_INTERRUPTED, "training", "stopped after step %zu of %zu", step, run->steps);
    case CVY_HALT_LOSS:
        return cvy_fail(status, CVY_DIVERGED, "training", "the loss of step %zu of %zu is not a finite number", step,
                        run->steps);
    case CVY_HALT_UPDATE:
        return cvy_fail(status, CVY_DIVERGED, "training",
                        "a gradient or parameter of step %zu of %zu is not a finite number", step, run->steps);
    }
    return true;
}

/* Adds to the profile what the watches do not see: how long the run was, and how much it did. */
static void book_run(const cvy_run *run, double begun, int threads) {
    cvy_trainer_profile *profile = &run->trainer->profile;
    if (!profile->wanted)
        return;
    const cvy_epoch *epoch = run->epoch;
    const size_t first = run->begin * epoch->batch_size, end = epoch->step * epoch->batch_size;
    profile->seconds += cvy_clock() - begun;
    profile->steps += epoch->step - run->begin;
    profile->images += (end < epoch->count ? end : epoch->count) - first;
    profile->threads = threads > profile->threads ? threads : profile->threads;
}

static bool run_steps(cvy_trainer *trainer, const cvy_dataset *dataset, cvy_epoch *epoch, cvy_status *status) {
    if (!cvy_trainer_load(trainer, &trainer->plan, dataset, trainer->random_shift, true, status))
        return false;
    if (trainer->layout == CVY_LAYOUT_NHWC)
        return cvy_fail(status, CVY_USAGE, "layout", "training takes hwc16n; nhwc is for inference");
    if (epoch->count == 0)
        return cvy_fail(status, CVY_FAILED, dataset->origin, "no images to train on");
    if (epoch->batch_size > epoch->count)
        epoch->batch_size = epoch->count;
    cvy_run run = {.trainer = trainer,
                   .dataset = dataset,
                   .epoch = epoch,
                   .begin = epoch->step,
                   .steps = cvy_epoch_steps(epoch),
                   .first_step = trainer->optimizer.step - epoch->step};
    size_t last;
    cvy_run_batch(&run, run.steps - 1, &last);
    if (trainer->profile.wanted && trainer->profile.peak == 0)
        trainer->profile.peak = cvy_trainer_peak(trainer->kernels);
    const double begun = cvy_clock();
    run.begun = begun - epoch->seconds;
    const size_t floats = trainer->variables.floats;
    const cvy_job job = {
        .plan = &trainer->plan,
        .blocks = cvy_blocks_of(epoch->batch_size),
        .last_blocks = cvy_blocks_of(last),
        .loader_floats = trainer->loader.floats,
        .gradient_floats = floats,
        .replica_floats = (1 + (size_t)cvy_optimizer_slots(&trainer->optimizer.settings)) * floats,
        .watch_parts = trainer->profile.wanted ? cvy_watch_parts(trainer->plan.count) : 0,
        .watch_hook = trainer->profile.hook,
        .watch_user = trainer->profile.user,
        .work = cvy_run_shared,
        .work_replicated = cvy_run_replicated,
        .argument = &run,
    };
    const int threads = cvy_workers_run(&trainer->workers, &job, status);
    if (!threads)
        return false;
    trainer->threads = threads;
    book_run(&run, begun, threads);
    if (run.halt != CVY_HALT_LOSS && !cvy_run_is_finite(&run, threads))
        run.halt = CVY_HALT_UPDATE;
    return report_halt(&run, status);
}

bool cvy_trainer_step(cvy_trainer *trainer, const cvy_dataset *dataset, const uint32_t *order, size_t count,
                      cvy_metrics *metrics, cvy_status *status) {
    cvy_epoch step = {.order = order, .count = count, .batch_size = count, .metrics = *metrics};
    const bool done = run_steps(trainer, dataset, &step, status);
    *metrics = step.metrics;
    return done;
}

bool cvy_trainer_epoch(cvy_trainer *trainer, const cvy_dataset *dataset, cvy_epoch *epoch, cvy_status *status) {
    if (epoch->step == 0)
        keep_state(trainer);
    if (run_steps(trainer, dataset, epoch, status))
        return true;
    if (status->code == CVY_DIVERGED)
        restore_state(trainer);
    return false;
}
