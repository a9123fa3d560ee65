/* Training: steps and epochs. */
#include <math.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/prefetch.h"
#include "steps.h"

/* Asks for the images of a thread's next block while it works on the one before: they lie anywhere in the data set. */
static void fetch_images(const cvy_run *run, size_t step, size_t block, size_t end, int thread, int threads) {
    if (block == end) {
        size_t images;
        if (++step == run->steps)
            return;
        cvy_run_batch(run, step, &images);
        cvy_share_of(cvy_blocks_of(images), thread, threads, &block, &end);
        if (block == end)
            return;
    }
    size_t images;
    const uint32_t *index = cvy_run_batch(run, step, &images) + block * CVY_LANES;
    size_t left = images - block * CVY_LANES;
    cvy_batch_prefetch(run->dataset, index, left < CVY_LANES ? left : CVY_LANES);
}

/* Asks for part `part` of `parts` of what will be written. */
static void fetch_gradient(const float *gradient, size_t floats, int part, int parts) {
    const size_t end = floats * (size_t)(part + 1) / (size_t)parts;
    for (size_t i = floats * (size_t)part / (size_t)parts / CVY_LANES * CVY_LANES; i < end; i += CVY_LANES)
        cvy_prefetch_write(gradient + i);
}

/* A block on its way, and the thread that it is with, or that has a part in it. */
typedef struct passage {
    cvy_block block;
    cvy_team *team;
    int group;       /* of those who share the block */
    float *gradient; /* the block's */
    size_t crossing; /* floats of it, if another core has read them and they are asked back on the way forward */
    cvy_watch *watch;
} passage;

static bool is_shared(const passage *p) {
    return p->block.parts > 1;
}

/* The parts of a block meet. */
static void meet(const passage *p) {
    cvy_team_barrier_within(p->team, p->group, p->block.parts);
    cvy_watch_step(p->watch, CVY_PART_WAIT_PARTS);
}

static const float *forward(const passage *p, const float *parameters, const cvy_block_random *random) {
    const cvy_plan *plan = p->block.plan;
    const float *x = cvy_block_own(&p->block) + plan->input_block;
    for (int i = 0; i < plan->count; i++) {
        cvy_block_enter_stage(&p->block, i, x);
        if (is_shared(p) && cvy_split_meets_forward(plan, i)) {
            cvy_watch_stage(p->watch, i, CVY_PART_FORWARD);
            meet(p);
        }
        x = cvy_block_forward_stage(&p->block, i, x, parameters, random);
        if (p->crossing)
            fetch_gradient(p->gradient, p->crossing, i, plan->count);
        cvy_watch_stage(p->watch, i, CVY_PART_FORWARD);
    }
    if (is_shared(p) && cvy_split_meets_loss(plan))
        meet(p);
    return x;
}

static void backward(const passage *p, const float *parameters) {
    const cvy_plan *plan = p->block.plan;
    for (int i = plan->count - 1; i >= plan->first_trainable; i--) {
        if (is_shared(p) && cvy_split_meets_backward(plan, i))
            meet(p);
        cvy_block_backward_weights(&p->block, i, p->gradient);
        cvy_watch_stage(p->watch, i, CVY_PART_BACKWARD_WEIGHTS);
        if (i == plan->first_trainable)
            break;
        if (is_shared(p) && cvy_split_meets_data(plan, i))
            meet(p);
        cvy_block_backward_data(&p->block, i, parameters);
        cvy_watch_stage(p->watch, i, CVY_PART_BACKWARD_DATA);
    }
}

/* The block's images, each moved as it falls out. */
static void load_block(const cvy_run *run, const cvy_block *block, const cvy_block_random *random,
                       const uint32_t *index, float *scratch) {
    cvy_shift shifts[CVY_LANES];
    for (int l = 0; l < block->count; l++)
        shifts[l] =
            cvy_shift_draw(run->trainer->course.random_shift, random->seed, random->step, random->first + (uint32_t)l);
    cvy_loader_load(&run->trainer->loader, block, run->dataset, index, shifts, true, scratch);
}

/* What the thread sets out with on block b, whose gradient goes to node `slot` of the leader's. */
static passage begin_passage(const cvy_run *run, const cvy_place *place, int thread, size_t b, size_t images,
                             size_t slot) {
    const cvy_trainer *trainer = run->trainer;
    const cvy_worker *leader = &trainer->workers[place->leader];
    const size_t left = images - b * CVY_LANES;
    return (passage){
        .block = {.plan = &trainer->plan,
                  .kernels = trainer->kernels,
                  .workspace = leader->workspace[CVY_LAYOUT_HWC16N],
                  .count = left < CVY_LANES ? (int)left : CVY_LANES,
                  .part = place->part,
                  .parts = place->parts,
                  .own = trainer->workers[thread].workspace[CVY_LAYOUT_HWC16N]},
        .team = trainer->team,
        .group = (int)place->begin,
        .gradient = leader->gradients + slot * trainer->variables.floats,
        .watch = trainer->workers[thread].watch,
    };
}

static cvy_block_random random_of(const cvy_run *run, size_t step, size_t b) {
    return (cvy_block_random){run->trainer->seed, (uint32_t)(run->first_step + step), (uint32_t)(b * CVY_LANES)};
}

/* A part in a block of another thread, which computes the loss. */
static void help(const cvy_run *run, size_t step, const cvy_place *place, int thread, const float *parameters,
                 size_t slot) {
    size_t images;
    const uint32_t *index = cvy_run_batch(run, step, &images) + place->begin * CVY_LANES;
    const passage p = begin_passage(run, place, thread, place->begin, images, slot);
    const cvy_block_random random = random_of(run, step, place->begin);
    load_block(run, &p.block, &random, index, run->trainer->workers[thread].loader);
    cvy_watch_step(p.watch, CVY_PART_LOAD);
    forward(&p, parameters, &random);
    backward(&p, parameters);
}

void cvy_run_blocks(const cvy_run *run, size_t step, int thread, int threads, const float *parameters, size_t slot) {
    const cvy_trainer *trainer = run->trainer;
    cvy_worker *worker = &trainer->workers[thread];
    size_t images, floats = trainer->variables.floats;
    const uint32_t *batch = cvy_run_batch(run, step, &images);
    const float scale = 1.0f / (float)images;
    cvy_place place = cvy_place_of(trainer, cvy_blocks_of(images), thread, threads);
    const bool replicated = cvy_replicates(trainer, cvy_blocks_of(run->batch_size), threads);
    if (replicated)
        place.parts = 1;

    worker->reduction.count = 0;
    if (place.part >= place.parts)
        return;
    if (place.part > 0) {
        help(run, step, &place, thread, parameters, slot);
        return;
    }
    for (size_t b = place.begin; b < place.end; b++) {
        const uint32_t *index = batch + b * CVY_LANES;
        passage p = begin_passage(run, &place, thread, b, images, slot + (size_t)worker->reduction.count);
        const cvy_block_random random = random_of(run, step, b);
        const cvy_node node = {0, (uint32_t)b, p.gradient};
        p.crossing = replicated ? floats : 0;

        load_block(run, &p.block, &random, index, worker->loader);
        fetch_images(run, step, b + 1, place.end, thread, threads);
        cvy_watch_step(worker->watch, CVY_PART_LOAD);
        const float *logits = forward(&p, parameters, &random);
        worker->results[slot + b - place.begin] =
            cvy_batch_loss(&p.block, run->dataset, index, logits, trainer->label_smoothing, scale);
        cvy_watch_step(worker->watch, CVY_PART_LOSS);
        backward(&p, parameters);
        cvy_reduction_push(&worker->reduction, node, trainer->kernels, 0, floats);
        cvy_watch_step(worker->watch, CVY_PART_SUM);
    }
}

/* Second half: the thread's slice of the parameters takes in all threads' sums. */
static void update_slice(const cvy_run *run, int thread, int threads) {
    cvy_trainer *trainer = run->trainer;
    size_t lines = trainer->variables.floats / CVY_LANES;
    size_t first = lines * (size_t)thread / (size_t)threads * CVY_LANES;
    size_t count = lines * ((size_t)thread + 1) / (size_t)threads * CVY_LANES - first;

    cvy_reduction batch = {0};
    for (int t = 0; t < threads; t++)
        for (int i = 0; i < trainer->workers[t].reduction.count; i++)
            cvy_reduction_push(&batch, trainer->workers[t].reduction.nodes[i], trainer->kernels, first, count);
    cvy_reduction_finish(&batch, trainer->kernels, first, count);
    if (thread == 0)
        trainer->gradient = batch.nodes[0].sum;
    cvy_watch_step(trainer->workers[thread].watch, CVY_PART_REDUCTION);
    trainer->workers[thread].finite = cvy_optimizer_update(&trainer->optimizer, trainer->kernels, first, count,
                                                           batch.nodes[0].sum, trainer->parameters);
    cvy_watch_step(trainer->workers[thread].watch, CVY_PART_UPDATE);
}

enum { SHOWS_A_SECOND = 20 };

void cvy_run_conclude(cvy_run *run, int threads, size_t slot) {
    cvy_trainer *trainer = run->trainer;
    size_t images;
    cvy_run_batch(run, run->step, &images);
    double before = run->metrics->loss_sum;
    cvy_batch_add(run->metrics, trainer->workers, threads, images, slot);
    run->step++;

    if (!isfinite(run->metrics->loss_sum - before)) {
        run->halt = CVY_HALT_LOSS;
        return;
    }
    if (run->stop && *run->stop)
        run->halt = CVY_HALT_STOPPED;
    if (!run->on_step)
        return;
    double now = cvy_clock();
    bool last = run->step == run->steps || run->halt != CVY_HALT_NO;
    if (!last && run->step > 1 && now - run->shown < 1.0 / SHOWS_A_SECOND)
        return;
    run->shown = now;
    if (!run->on_step(run->step, run->steps, now - run->begun, run->metrics, run->user))
        run->halt = CVY_HALT_STOPPED;
}

static bool all_finite(const cvy_trainer *trainer, int threads) {
    for (int t = 0; t < threads; t++)
        if (!trainer->workers[t].finite)
            return false;
    return true;
}

double cvy_run_learning_rate(const cvy_run *run, const cvy_optimizer *optimizer) {
    const cvy_trainer *trainer = run->trainer;
    const cvy_course *course = &trainer->course;
    double rate = optimizer->settings.learning_rate;
    if (!course->steps)
        return rate;
    uint64_t step = optimizer->step - trainer->course_begun;
    return rate *
           cvy_schedule_factor(&course->schedule, step < course->steps ? step : course->steps - 1, course->steps);
}

/* Every thread's way through an epoch. The threads meet twice a step: when the gradients are complete, and when the
 * parameters are updated; or, with replicas, once. */
static void train(void *argument, int thread, int threads) {
    cvy_run *run = argument;
    cvy_trainer *trainer = run->trainer;
    cvy_watch *watch = trainer->workers[thread].watch;
    if (watch)
        watch->last = cvy_clock();
    cvy_loader_begin(&trainer->loader, trainer->workers[thread].loader);
    if (cvy_replicates(trainer, cvy_blocks_of(run->batch_size), threads)) {
        cvy_run_replicated(run, thread);
        return;
    }
    for (size_t step = 0; step < run->steps; step++) {
        if (thread == 0)
            cvy_optimizer_begin(&trainer->optimizer, cvy_run_learning_rate(run, &trainer->optimizer));
        cvy_run_blocks(run, step, thread, threads, trainer->parameters, 0);
        cvy_workers_meet(trainer, threads);
        cvy_watch_step(watch, CVY_PART_WAIT_GRADIENTS);
        update_slice(run, thread, threads);
        if (thread == 0)
            cvy_run_conclude(run, threads, 0);
        cvy_watch_step(watch, CVY_PART_CONCLUSION);
        cvy_workers_meet(trainer, threads);
        cvy_watch_step(watch, CVY_PART_WAIT_PARAMETERS);
        if (run->halt != CVY_HALT_NO || !all_finite(trainer, threads))
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
    case CVY_HALT_NO:
        break;
    case CVY_HALT_STOPPED:
        return cvy_fail(status, CVY_INTERRUPTED, "training", "stopped after step %zu of %zu", run->step, run->steps);
    case CVY_HALT_LOSS:
        return cvy_fail(status, CVY_DIVERGED, "training", "the loss of step %zu of %zu is not a finite number",
                        run->step, run->steps);
    case CVY_HALT_UPDATE:
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
    cvy_run_batch(run, run->steps - 1, &last);
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
    if (run->halt != CVY_HALT_LOSS && !all_finite(trainer, threads))
        run->halt = CVY_HALT_UPDATE;
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
