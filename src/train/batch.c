#include "batch.h"

void cvy_batch_prefetch(const cvy_dataset *dataset, const uint32_t *index, size_t count) {
    size_t bytes = cvy_dataset_image_bytes(dataset);
    for (size_t l = 0; l < count; l++) {
        const char *image = (const char *)dataset->images + index[l] * bytes;
        for (size_t line = 0; line < bytes; line += 64)
            __builtin_prefetch(image + line, 0, 2);
    }
}

cvy_block_result cvy_batch_loss(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index,
                                const float *logits, float smoothing, float scale) {
    const cvy_plan *plan = block->plan;
    uint8_t labels[CVY_LANES];
    for (int l = 0; l < block->count; l++)
        labels[l] = dataset->labels[index[l]];
    cvy_block_loss(block, logits, labels, smoothing, scale);

    const float *loss = block->workspace + plan->loss;
    const int32_t *predicted = (const int32_t *)(block->workspace + plan->predicted);
    cvy_block_result result = {0};
    for (int l = 0; l < block->count; l++) {
        result.loss += (double)loss[l];
        result.correct += predicted[l] == labels[l];
    }
    return result;
}
