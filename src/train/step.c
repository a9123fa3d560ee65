#include "step.h"

#include <math.h>

#include "../base/prefetch.h"

void cvy_run_begin(const cvy_run *run, int thread) {
    cvy_loader_begin(&run->trainer->loader, run->trainer->workers.list[thread].loader);
}

void cvy_run_end(const cvy_run *run, int thread) {
    cvy_watch_enter(run->trainer->workers.list[thread].watch, CVY_PART_OUTSIDE);
}

bool cvy_run_is_finite(const cvy_run *run, int threads) {
    for (int t = 0; t < threads; t++)
        if (!run->trainer->workers.list[t].finite)
            return false;
    return true;
}

/* ---- Gradient --------------------------------------------------------------------------------------------------- */

/* Prefetches the images of a thread's next block while it works on the one before: they lie anywhere in the data
 * set. */
static void prefetch_images(const cvy_run *run, size_t step, size_t block, size_t end, int thread, int threads) {
    size_t images;
    if (block == end) {
        if (++step == run->steps)
            return;
        cvy_run_batch(run, step, &images);
        cvy_share_of(cvy_blocks_of(images), thread, threads, &block, &end);
        if (block == end)
            return;
    }
    const uint32_t *index = cvy_run_batch(run, step, &images) + block * CVY_LANES;
    cvy_batch_prefetch(run->dataset, index, (size_t)cvy_block_count(images, block));
}

/* Prefetches, for writing, part `part` of `parts` of a gradient. */
static void prefetch_gradient(const float *gradient, size_t floats, int part, int parts) {
    const size_t end = floats * (size_t)(part + 1) / (size_t)parts;
    for (size_t i = floats * (size_t)part / (size_t)parts / CVY_LANES * CVY_LANES; i < end; i += CVY_LANES)
        cvy_prefetch_write(gradient + i);
}

/* Loads the block's images, each moved by a random shift. */
static void load(const cvy_run *run, const cvy_block *block, const cvy_block_random *random, const uint32_t *index,
                 float *scratch) {
    cvy_shift shifts[CVY_LANES];
    for (int l = 0; l < block->count; l++)
        shifts[l] = cvy_shift_draw(run->trainer->random_shift, random->seed, random->step, random->first + (uint32_t)l);
    cvy_loader_load(&run->trainer->loader, block, run->dataset, index, shifts, true, scratch);
}

/* `fetched`: a gradient of `floats` floats to prefetch, a part behind every stage; NULL: none. */
static const float *forward(const cvy_block *block, const float *parameters, const cvy_block_random *random,
                            const float *fetched, size_t floats, cvy_watch *watch) {
    const cvy_plan *plan = block->plan;
    const float *x = block->workspace + plan->input_block;
    for (int i = 0; i < plan->count; i++) {
        cvy_watch_enter(watch, cvy_watch_part_of_stage(i, CVY_PART_FORWARD));
        x = cvy_block_forward_stage(block, i, x, parameters, random);
        if (fetched)
            prefetch_gradient(fetched, floats, i, plan->count);
    }
    return x;
}

static void backward(const cvy_block *block, const float *parameters, float *gradient, cvy_watch *watch) {
    const cvy_plan *plan = block->plan;
    for (int i = plan->count - 1; i >= plan->first_trainable; i--) {
        cvy_watch_enter(watch, cvy_watch_part_of_stage(i, CVY_PART_BACKWARD_WEIGHTS));
        cvy_block_backward_weights(block, i, gradient);
        if (i == plan->first_trainable)
            break;
        cvy_watch_enter(watch, cvy_watch_part_of_stage(i, CVY_PART_BACKWARD_DATA));
        cvy_block_backward_data(block, i, parameters);
    }
}

void cvy_step_gradient(const cvy_run *run, size_t step, int thread, int threads, cvy_step_buffers buffers) {
    const cvy_trainer *trainer = run->trainer;
    const size_t floats = trainer->variables.floats;
    cvy_worker *worker = &trainer->workers.list[thread];
    size_t images, begin, end;
    const uint32_t *batch = cvy_run_batch(run, step, &images);
    const float scale = 1.0f / (float)images;
    cvy_share_of(cvy_blocks_of(images), thread, threads, &begin, &end);

    worker->reduction.count = 0;
    for (size_t b = begin; b < end; b++) {
        const uint32_t *index = batch + b * CVY_LANES;
        const cvy_block block = {.plan = &trainer->plan,
                                 .kernels = trainer->kernels,
                                 .workspace = worker->workspace[CVY_LAYOUT_HWC16N],
                                 .count = cvy_block_count(images, b)};
        const cvy_block_random random = {trainer->seed, (uint32_t)(run->first_step + step), (uint32_t)(b * CVY_LANES)};
        float *gradient = worker->gradients + (buffers.slot + (size_t)worker->reduction.count) * floats;

        cvy_watch_enter(worker->watch, CVY_PART_LOAD);
        load(run, &block, &random, index, worker->loader);
        prefetch_images(run, step, b + 1, end, thread, threads);
        const float *logits = forward(&block, buffers.parameters, &random, buffers.prefetch_gradients ? gradient : NULL,
                                      floats, worker->watch);
        cvy_watch_enter(worker->watch, CVY_PART_LOSS);
        worker->results[buffers.slot + b - begin] =
            cvy_batch_loss(&block, run->dataset, index, logits, trainer->label_smoothing, scale);
        backward(&block, buffers.parameters, gradient, worker->watch);
        cvy_watch_enter(worker->watch, CVY_PART_SUM);
        cvy_reduction_push(&worker->reduction, (cvy_node){0, (uint32_t)b, gradient}, trainer->kernels, 0, floats);
    }
}

/* ---- End of a step ---------------------------------------------------------------------------------------------- */

void cvy_step_finish(cvy_run *run, int threads, size_t slot) {
    cvy_epoch *epoch = run->epoch;
    size_t images;
    cvy_run_batch(run, epoch->step, &images);
    const double before = epoch->metrics.loss_sum;
    cvy_trainer_add_results(run->trainer, threads, images, slot, &epoch->metrics);
    epoch->step++;

    if (!isfinite(epoch->metrics.loss_sum - before)) {
        run->halt = CVY_HALT_LOSS;
        return;
    }
    if (epoch->stop && *epoch->stop)
        run->halt = CVY_HALT_STOPPED;
    if (!epoch->on_step)
        return;
    epoch->seconds = cvy_clock() - run->begun;
    const cvy_next next = epoch->on_step(epoch->step, run->steps, epoch->seconds, &epoch->metrics, epoch->user);
    if (next == CVY_STOP)
        run->halt = CVY_HALT_STOPPED;
    else if (next == CVY_PAUSE && run->halt == CVY_HALT_NO)
        run->halt = CVY_HALT_PAUSED;
}

double cvy_step_learning_rate(const cvy_run *run, const cvy_optimizer *optimizer) {
    const cvy_trainer *trainer = run->trainer;
    const double rate = optimizer->settings.learning_rate;
    const uint64_t steps = trainer->schedule_steps;
    if (!steps)
        return rate;
    const uint64_t step = optimizer->step - trainer->schedule_begun;
    return rate * cvy_schedule_factor(&trainer->schedule, step < steps ? step : steps - 1, steps);
}
