#include "batch.h"

#include <string.h>

/* An image after the other. Kernels that read NHWC may look beyond an image's end, which in the data set may be the end
 * of the caller's memory: so floats are copied, too. */
static void load_nhwc(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index) {
    const size_t bytes = cvy_dataset_image_bytes(dataset);
    const int32_t elements = block->plan->input.image;
    float *to = block->workspace + block->plan->input_block;
    for (int l = 0; l < block->count; l++, to += elements) {
        const uint8_t *image = (const uint8_t *)dataset->images + index[l] * bytes;
        if (dataset->element == CVY_ELEMENT_U8)
            block->kernels->widen_u8(1, elements, image, elements, to);
        else
            memcpy(to, image, bytes);
    }
}

void cvy_batch_load(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index, bool training) {
    const cvy_plan *plan = block->plan;
    if (plan->layout == CVY_LAYOUT_NHWC) {
        load_nhwc(block, dataset, index);
        return;
    }
    float *images = training ? block->workspace + plan->input_images : NULL;
    if (dataset->element == CVY_ELEMENT_U8)
        block->kernels->gather_u8_hwc16n(&plan->input, dataset->images, index, block->count,
                                         block->workspace + plan->input_block, images);
    else
        block->kernels->gather_f32_hwc16n(&plan->input, dataset->images, index, block->count,
                                          block->workspace + plan->input_block, images);
}

void cvy_batch_prefetch(const cvy_dataset *dataset, const uint32_t *index, size_t count) {
    size_t bytes = cvy_dataset_image_bytes(dataset);
    for (size_t l = 0; l < count; l++) {
        const char *image = (const char *)dataset->images + index[l] * bytes;
        for (size_t line = 0; line < bytes; line += 64)
            __builtin_prefetch(image + line, 0, 2);
    }
}

cvy_tally cvy_batch_loss(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index, const float *logits,
                         float smoothing, float scale) {
    const cvy_plan *plan = block->plan;
    uint8_t labels[CVY_LANES];
    for (int l = 0; l < block->count; l++)
        labels[l] = dataset->labels[index[l]];
    cvy_block_loss(block, logits, labels, smoothing, scale);

    const float *loss = block->workspace + plan->loss;
    const int32_t *predicted = (const int32_t *)(block->workspace + plan->predicted);
    cvy_tally result = {0};
    for (int l = 0; l < block->count; l++) {
        result.loss += (double)loss[l];
        result.correct += predicted[l] == labels[l];
    }
    return result;
}

void cvy_batch_add(cvy_metrics *metrics, const cvy_worker *workers, int threads, size_t images) {
    for (int t = 0; t < threads; t++) {
        size_t begin, end;
        cvy_share_of(cvy_blocks_of(images), t, threads, &begin, &end);
        for (size_t b = begin; b < end; b++) {
            metrics->loss_sum += workers[t].tallies[b - begin].loss;
            metrics->correct += workers[t].tallies[b - begin].correct;
        }
    }
    metrics->images += images;
}
