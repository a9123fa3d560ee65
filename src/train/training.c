/* Training: steps and epochs. */
#include <math.h>
#include <string.h>

#include "../base/clock.h"
#include "batch.h"

typedef enum halt { HALT_NO, HALT_STOPPED, HALT_LOSS, HALT_UPDATE } halt;

/* An epoch (or a single step) as all threads see it. */
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
    halt halt;           /* written by thread 0 between the two meetings of a step */
} cvy_run;

/* The images of a step. */
static const uint32_t *batch_of(const cvy_run *run, size_t step, size_t *images) {
    size_t first = step * run->batch_size;
    *images = run->count - first < run->batch_size ? run->count - first : run->batch_size;
    return run->order + first;
}

/* Asks for the images of a thread's next block while it works on the one before: they lie anywhere in the data set. */
static void fetch_images(const cvy_run *run, size_t step, size_t block, size_t end, int thread, int threads) {
    if (block == end) {
        size_t images;
        if (++step == run->steps)
            return;
        batch_of(run, step, &images);
        cvy_share_of(cvy_blocks_of(images), thread, threads, &block, &end);
        if (block == end)
            return;
    }
    size_t images;
    const uint32_t *index = batch_of(run, step, &images) + block * CVY_LANES;
    size_t left = images - block * CVY_LANES;
    cvy_batch_prefetch(run->dataset, index, left < CVY_LANES ? left : CVY_LANES);
}

static const float *forward(const cvy_block *block, const float *parameters, const cvy_block_random *random,
                            cvy_watch *watch) {
    const float *x = block->workspace + block->plan->input_block;
    for (int i = 0; i < block->plan->count; i++) {
        x = cvy_block_forward_stage(block, i, x, parameters, random);
        cvy_watch_stage(watch, i, CVY_PART_FORWARD);
    }
    return x;
}

static void backward(const cvy_block *block, const float *parameters, float *gradient, cvy_watch *watch) {
    const int first = block->plan->first_trainable;
    for (int i = block->plan->count - 1; i >= first; i--) {
        cvy_block_backward_weights(block, i, gradient);
        cvy_watch_stage(watch, i, CVY_PART_BACKWARD_WEIGHTS);
        if (i == first)
            break;
        cvy_block_backward_data(block, i, parameters);
        cvy_watch_stage(watch, i, CVY_PART_BACKWARD_DATA);
    }
}

/* The block's images, each moved as it falls out. */
static void load_block(const cvy_run *run, const cvy_block *block, const cvy_block_random *random,
                       const uint32_t *index, float *scratch) {
    cvy_shift shifts[CVY_LANES];
    for (int l = 0; l < block->count; l++)
        shifts[l] =
            cvy_shift_draw(run->trainer->course.random_shift, random->seed, random->step, random->first + (uint32_t)l);
    cvy_intake_load(&run->trainer->intake, block, run->dataset, index, shifts, true, scratch);
}

/* First half of a step: the thread's blocks, forward and backward, and the sum of their gradients as far as its own
 * blocks complete the tree. */
static void train_blocks(const cvy_run *run, size_t step, int thread, int threads) {
    cvy_trainer *trainer = run->trainer;
    cvy_worker *worker = &trainer->workers[thread];
    size_t images, begin, end, floats = trainer->variables.floats;
    const uint32_t *batch = batch_of(run, step, &images);
    const float scale = 1.0f / (float)images;

    cvy_share_of(cvy_blocks_of(images), thread, threads, &begin, &end);
    worker->forest.count = 0;
    for (size_t b = begin; b < end; b++) {
        const uint32_t *index = batch + b * CVY_LANES;
        size_t left = images - b * CVY_LANES;
        cvy_block block = {&trainer->plan, trainer->kernels, worker->workspace[CVY_LAYOUT_HWC16N],
                           left < CVY_LANES ? (int)left : CVY_LANES};
        cvy_block_random random = {trainer->seed, (uint32_t)(run->first_step + step), (uint32_t)(b * CVY_LANES)};
        cvy_node node = {0, (uint32_t)b, worker->gradients + (size_t)worker->forest.count * floats};

        load_block(run, &block, &random, index, worker->intake);
        fetch_images(run, step, b + 1, end, thread, threads);
        cvy_watch_step(worker->watch, CVY_PART_LOAD);
        const float *logits = forward(&block, trainer->parameters, &random, worker->watch);
        worker->tallies[b - begin] =
            cvy_batch_loss(&block, run->dataset, index, logits, trainer->label_smoothing, scale);
        cvy_watch_step(worker->watch, CVY_PART_LOSS);
        backward(&block, trainer->parameters, node.sum, worker->watch);
        cvy_forest_push(&worker->forest, node, trainer->kernels, 0, floats);
        cvy_watch_step(worker->watch, CVY_PART_SUM);
    }
}

/* Second half: the thread's slice of the parameters takes in all threads' sums. The sum itself ends up in the first
 * worker's first buffer. */
static void update_slice(const cvy_run *run, int thread, int threads) {
    cvy_trainer *trainer = run->trainer;
    size_t lines = trainer->variables.floats / CVY_LANES;
    size_t first = lines * (size_t)thread / (size_t)threads * CVY_LANES;
    size_t count = lines * ((size_t)thread + 1) / (size_t)threads * CVY_LANES - first;

    cvy_forest batch = {0};
    for (int t = 0; t < threads; t++)
        for (int i = 0; i < trainer->workers[t].forest.count; i++)
            cvy_forest_push(&batch, trainer->workers[t].forest.nodes[i], trainer->kernels, first, count);
    cvy_forest_close(&batch, trainer->kernels, first, count);
    cvy_watch_step(trainer->workers[thread].watch, CVY_PART_REDUCTION);
    trainer->workers[thread].finite = cvy_optimizer_update(&trainer->optimizer, trainer->kernels, first, count,
                                                           batch.nodes[0].sum, trainer->parameters);
    cvy_watch_step(trainer->workers[thread].watch, CVY_PART_UPDATE);
}

enum { SHOWS_A_SECOND = 20 };

/* Thread 0, while the others update: sums the step's results in the order of its blocks, reports, and says whether to
 * go on. */
static void conclude(cvy_run *run, int threads) {
    cvy_trainer *trainer = run->trainer;
    size_t images;
    batch_of(run, run->step, &images);
    double before = run->metrics->loss_sum;
    cvy_batch_add(run->metrics, trainer->workers, threads, images);
    run->step++;

    if (!isfinite(run->metrics->loss_sum - before)) {
        run->halt = HALT_LOSS;
        return;
    }
    if (run->stop && *run->stop)
        run->halt = HALT_STOPPED;
    if (!run->on_step)
        return;
    double now = cvy_clock();
    bool last = run->step == run->steps || run->halt != HALT_NO;
    if (!last && run->step > 1 && now - run->shown < 1.0 / SHOWS_A_SECOND)
        return;
    run->shown = now;
    if (!run->on_step(run->step, run->steps, now - run->begun, run->metrics, run->user))
        run->halt = HALT_STOPPED;
}

static bool all_finite(const cvy_trainer *trainer, int threads) {
    for (int t = 0; t < threads; t++)
        if (!trainer->workers[t].finite)
            return false;
    return true;
}

/* Of the coming step. */
static double learning_rate(const cvy_trainer *trainer) {
    const cvy_course *course = &trainer->course;
    double rate = trainer->optimizer.settings.learning_rate;
    if (!course->steps)
        return rate;
    uint64_t step = trainer->optimizer.step - trainer->course_begun;
    return rate *
           cvy_schedule_factor(&course->schedule, step < course->steps ? step : course->steps - 1, course->steps);
}

/* Every thread's way through an epoch. The threads meet twice a step: when the gradients are complete, and when the
 * parameters are updated. */
static void train(void *argument, int thread, int threads) {
    cvy_run *run = argument;
    cvy_trainer *trainer = run->trainer;
    cvy_watch *watch = trainer->workers[thread].watch;
    if (watch)
        watch->last = cvy_clock();
    cvy_intake_begin(&trainer->intake, trainer->workers[thread].intake);
    for (size_t step = 0; step < run->steps; step++) {
        if (thread == 0)
            cvy_optimizer_begin(&trainer->optimizer, learning_rate(trainer));
        train_blocks(run, step, thread, threads);
        cvy_workers_meet(trainer, threads);
        cvy_watch_step(watch, CVY_PART_WAIT_GRADIENTS);
        update_slice(run, thread, threads);
        if (thread == 0)
            conclude(run, threads);
        cvy_watch_step(watch, CVY_PART_CONCLUSION);
        cvy_workers_meet(trainer, threads);
        cvy_watch_step(watch, CVY_PART_WAIT_PARAMETERS);
        if (run->halt != HALT_NO || !all_finite(trainer, threads))
            break;
    }
}

/* ---- Epochs ----------------------------------------------------------------------------------------------------- */

static void keep_state(cvy_trainer *trainer) {
    size_t bytes = trainer->variables.floats * sizeof(float);
    memcpy(trainer->saved[0], trainer->parameters, bytes);
    for (int i = 0; i < cvy_optimizer_slots(&trainer->optimizer.settings); i++)
        memcpy(trainer->saved[1 + i], trainer->optimizer.state[i], bytes);
    trainer->saved_optimizer = trainer->optimizer;
}

static void go_back(cvy_trainer *trainer) {
    size_t bytes = trainer->variables.floats * sizeof(float);
    memcpy(trainer->parameters, trainer->saved[0], bytes);
    for (int i = 0; i < cvy_optimizer_slots(&trainer->optimizer.settings); i++)
        memcpy(trainer->optimizer.state[i], trainer->saved[1 + i], bytes);
    trainer->optimizer = trainer->saved_optimizer;
}

static bool report_halt(const cvy_run *run, cvy_status *status) {
    switch (run->halt) {
    case HALT_NO:
        break;
    case HALT_STOPPED:
        return cvy_fail(status, CVY_INTERRUPTED, "training", "stopped after step %zu of %zu", run->step, run->steps);
    case HALT_LOSS:
        return cvy_fail(status, CVY_DIVERGED, "training", "the loss of step %zu of %zu is not a finite number",
                        run->step, run->steps);
    case HALT_UPDATE:
        return cvy_fail(status, CVY_DIVERGED, "training",
                        "a gradient or parameter of step %zu of %zu is not a finite number", run->step, run->steps);
    }
    return true;
}

/* What the watches do not see: how long the run was, and how much it did. */
static void book_run(const cvy_run *run, int threads) {
    cvy_trainer_profile *profile = &run->trainer->profile;
    if (!profile->wanted)
        return;
    size_t images = run->step * run->batch_size;
    profile->seconds += cvy_clock() - run->begun;
    profile->steps += run->step;
    profile->images += images < run->count ? images : run->count;
    profile->threads = threads > profile->threads ? threads : profile->threads;
}

static bool go(cvy_trainer *trainer, cvy_run *run, cvy_status *status) {
    if (!cvy_trainer_take(trainer, &trainer->plan, run->dataset, trainer->course.random_shift, true, status))
        return false;
    if (trainer->layout == CVY_LAYOUT_NHWC)
        return cvy_fail(status, CVY_USAGE, "layout",
                        "training takes hwc16n, in which alone the gradients of max-pools are summed; nhwc is for "
                        "inference");
    if (run->count == 0)
        return cvy_fail(status, CVY_FAILED, run->dataset->origin, "no images to train on");
    if (run->batch_size > run->count)
        run->batch_size = run->count;
    run->steps = (run->count + run->batch_size - 1) / run->batch_size;
    size_t last;
    batch_of(run, run->steps - 1, &last);
    run->trainer = trainer;
    run->first_step = trainer->optimizer.step;
    if (trainer->profile.wanted && trainer->profile.peak == 0)
        trainer->profile.peak = cvy_profile_peak(trainer->kernels);
    run->begun = cvy_clock();
    cvy_job job = {.plan = &trainer->plan,
                   .blocks = cvy_blocks_of(run->batch_size),
                   .last_blocks = cvy_blocks_of(last),
                   .training = true,
                   .work = train,
                   .argument = run};
    int threads = cvy_workers_run(trainer, &job, status);
    if (!threads)
        return false;
    trainer->threads = threads;
    book_run(run, threads);
    if (run->halt != HALT_LOSS && !all_finite(trainer, threads))
        run->halt = HALT_UPDATE;
    return report_halt(run, status);
}

bool cvy_trainer_step(cvy_trainer *trainer, const cvy_dataset *dataset, const uint32_t *order, size_t count,
                      cvy_metrics *metrics, cvy_status *status) {
    cvy_run run = {.dataset = dataset, .order = order, .count = count, .batch_size = count, .metrics = metrics};
    return go(trainer, &run, status);
}

bool cvy_trainer_epoch(cvy_trainer *trainer, const cvy_dataset *dataset, const uint32_t *order, size_t count,
                       size_t batch_size, const volatile sig_atomic_t *stop, cvy_step_fn *on_step, void *user,
                       cvy_metrics *metrics, cvy_status *status) {
    *metrics = (cvy_metrics){0};
    cvy_run run = {.dataset = dataset,
                   .order = order,
                   .count = count,
                   .batch_size = batch_size,
                   .stop = stop,
                   .on_step = on_step,
                   .user = user,
                   .metrics = metrics};
    keep_state(trainer);
    if (go(trainer, &run, status))
        return true;
    if (status->code == CVY_DIVERGED)
        go_back(trainer);
    return false;
}
