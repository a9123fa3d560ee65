/* Inference: evaluation and prediction. */
#include <float.h>
#include <string.h>

#include "trainer_object.h"

typedef struct cvy_forward_run {
    cvy_trainer *trainer;
    const cvy_plan *plan;
    const cvy_dataset *dataset;
    size_t first, count;
    float *probabilities;
    bool labels;
} cvy_forward_run;

/* ---- Logits ----------------------------------------------------------------------------------------------------- */

/* The block's logits, its images moved by `shift`. */
static const float *run_block(const cvy_forward_run *run, const cvy_block *block, const uint32_t *index,
                              cvy_shift shift, float *scratch) {
    cvy_shift shifts[CVY_LANES];
    for (int l = 0; l < block->count; l++)
        shifts[l] = shift;
    cvy_loader_load(&run->trainer->loader, block, run->dataset, index, shifts, false, scratch);
    return cvy_block_forward(block, run->trainer->parameters);
}

/* The logarithm of the mean softmax over all shifts of the images, whose softmax is that mean. Adding the least
 * normal number avoids log(0) when every shift gives probability 0. */
static const float *run_shifted(const cvy_forward_run *run, const cvy_block *block, const uint32_t *index,
                                float *scratch) {
    const cvy_plan *plan = block->plan;
    const cvy_kernels *k = block->kernels;
    const int most = run->trainer->preprocessing.test_shift, shifts = cvy_shift_count(most);
    const size_t count = (size_t)plan->classes * CVY_LANES; /* in any layout, as there is room for 16 images */
    const float *one = block->workspace + plan->probabilities;
    float *mean = block->workspace + plan->mean;
    for (int i = 0; i < shifts; i++) {
        cvy_block_probabilities(block, run_block(run, block, index, cvy_shift_at(most, i), scratch));
        if (i == 0)
            k->scale(count, 1.0f, 0.0f, one, mean);
        else
            k->add(count, mean, one, mean);
    }
    k->scale(count, 1.0f / (float)shifts, FLT_MIN, mean, mean);
    k->log_f32(count, mean, mean);
    return mean;
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

/* Softmax of a block into rows [count][classes]. */
static void store_probabilities(const cvy_block *block, const float *logits, float *rows) {
    const cvy_plan *plan = block->plan;
    const float *lanes = block->workspace + plan->probabilities;
    cvy_block_probabilities(block, logits);
    if (plan->layout == CVY_LAYOUT_NHWC) {
        memcpy(rows, lanes, (size_t)block->count * (size_t)plan->classes * sizeof *rows);
        return;
    }
    for (int l = 0; l < block->count; l++)
        for (int c = 0; c < plan->classes; c++)
            rows[(size_t)l * (size_t)plan->classes + (size_t)c] = lanes[c * CVY_LANES + l];
}

static void forward_blocks(void *argument, int thread, int threads) {
    const cvy_forward_run *run = argument;
    cvy_trainer *trainer = run->trainer;
    cvy_worker *worker = &trainer->workers.list[thread];
    size_t begin, end;
    cvy_share_of(cvy_blocks_of(run->count), thread, threads, &begin, &end);
    cvy_loader_begin(&trainer->loader, worker->loader);
    for (size_t b = begin; b < end; b++) {
        const size_t done = b * CVY_LANES;
        const cvy_block block = {run->plan, trainer->kernels, worker->workspace[run->plan->layout],
                                 cvy_block_count(run->count, b)};
        uint32_t index[CVY_LANES];
        for (int l = 0; l < block.count; l++)
            index[l] = (uint32_t)(run->first + done + (size_t)l);
        const float *logits = trainer->preprocessing.test_shift
                                  ? run_shifted(run, &block, index, worker->loader)
                                  : run_block(run, &block, index, (cvy_shift){0, 0}, worker->loader);
        if (run->labels)
            worker->results[b - begin] =
                cvy_batch_loss(&block, run->dataset, index, logits, trainer->label_smoothing, 0.0f);
        if (run->probabilities)
            store_probabilities(&block, logits, run->probabilities + done * (size_t)run->plan->classes);
    }
}

static const cvy_plan *plan_for(const cvy_trainer *trainer, size_t images) {
    const bool few = images <= CVY_FEW_IMAGES;
    const cvy_layout layout = trainer->layout != CVY_LAYOUT_AUTO ? trainer->layout
                              : few                              ? CVY_LAYOUT_NHWC
                                                                 : CVY_LAYOUT_HWC16N;
    return layout == CVY_LAYOUT_NHWC ? &trainer->plan_nhwc : &trainer->plan;
}

bool cvy_trainer_forward(cvy_trainer *trainer, const cvy_dataset *dataset, size_t first, size_t count,
                         float *probabilities, cvy_metrics *metrics, cvy_status *status) {
    const cvy_plan *plan = plan_for(trainer, count);
    if (!cvy_trainer_load(trainer, plan, dataset, trainer->preprocessing.test_shift, metrics != NULL, status))
        return false;
    if (first > dataset->count || count > dataset->count - first)
        return cvy_fail(status, CVY_FAILED, dataset->origin, "images %zu to %zu are wanted, there are %zu", first,
                        first + count, dataset->count);
    if (count == 0)
        return true;
    cvy_forward_run run = {trainer, plan, dataset, first, count, probabilities, metrics != NULL};
    size_t blocks = cvy_blocks_of(count);
    const cvy_job job = {.plan = plan,
                         .blocks = blocks,
                         .last_blocks = blocks,
                         .loader_floats = trainer->loader.floats,
                         .work = forward_blocks,
                         .argument = &run};
    const int threads = cvy_workers_run(&trainer->workers, &job, status);
    if (!threads)
        return false;
    if (metrics)
        cvy_trainer_add_results(trainer, threads, count, 0, metrics);
    return true;
}
