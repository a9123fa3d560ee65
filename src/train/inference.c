/* Forward only: evaluation and prediction. */
#include "batch.h"

typedef struct cvy_forward_run {
    cvy_trainer *trainer;
    const cvy_plan *plan;
    const cvy_dataset *dataset;
    size_t first, count;
    float *probabilities;
    bool labels;
} cvy_forward_run;

static void forward_blocks(void *argument, int thread, int threads) {
    const cvy_forward_run *run = argument;
    cvy_trainer *trainer = run->trainer;
    cvy_worker *worker = &trainer->workers[thread];
    size_t begin, end;
    cvy_share_of(cvy_blocks_of(run->count), thread, threads, &begin, &end);
    for (size_t b = begin; b < end; b++) {
        size_t done = b * CVY_LANES, left = run->count - done;
        cvy_block block = {run->plan, trainer->kernels, worker->workspace[run->plan->layout],
                           left < CVY_LANES ? (int)left : CVY_LANES};
        uint32_t index[CVY_LANES];
        for (int l = 0; l < block.count; l++)
            index[l] = (uint32_t)(run->first + done + (size_t)l);
        cvy_batch_load(&block, run->dataset, index, false);
        const float *logits = cvy_block_forward(&block, trainer->parameters, NULL);
        if (run->labels)
            worker->tallies[b - begin] =
                cvy_batch_loss(&block, run->dataset, index, logits, trainer->label_smoothing, 0.0f);
        if (run->probabilities)
            cvy_block_probabilities(&block, logits, run->probabilities + done * (size_t)run->plan->classes);
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
    if (!cvy_trainer_check_dataset(trainer, dataset, metrics != NULL, status))
        return false;
    if (first > dataset->count || count > dataset->count - first)
        return cvy_fail(status, CVY_FAILED, dataset->origin, "images %zu to %zu are wanted, there are %zu", first,
                        first + count, dataset->count);
    if (count == 0)
        return true;
    const cvy_plan *plan = plan_for(trainer, count);
    cvy_forward_run run = {trainer, plan, dataset, first, count, probabilities, metrics != NULL};
    size_t blocks = cvy_blocks_of(count);
    cvy_job job = {.plan = plan, .blocks = blocks, .last_blocks = blocks, .work = forward_blocks, .argument = &run};
    int threads = cvy_workers_run(trainer, &job, status);
    if (!threads)
        return false;
    if (metrics)
        cvy_batch_add(metrics, trainer->workers, threads, count);
    return true;
}
