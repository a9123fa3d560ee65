/* A batch as blocks of 16 images: which thread has which, and what comes of a block. */
#ifndef CVY_BATCH_H
#define CVY_BATCH_H

#include "../data/dataset.h"
#include "../model/block.h"

static inline size_t cvy_blocks_of(size_t images) {
    return (images + CVY_LANES - 1) / CVY_LANES;
}

/* Images in block b of a batch: 1..16. */
static inline int cvy_block_count(size_t images, size_t b) {
    const size_t left = images - b * CVY_LANES;
    return left < CVY_LANES ? (int)left : CVY_LANES;
}

/* Blocks [begin, end) are thread's share. */
static inline void cvy_share_of(size_t blocks, int thread, int threads, size_t *begin, size_t *end) {
    *begin = blocks * (size_t)thread / (size_t)threads;
    *end = blocks * ((size_t)thread + 1) / (size_t)threads;
}

/* What came of one block: the sum of its images' losses, and how many were classified correctly. */
typedef struct cvy_block_result {
    double loss;
    size_t correct;
} cvy_block_result;

/* Prefetches images that are loaded soon: they lie anywhere in the data set. */
void cvy_batch_prefetch(const cvy_dataset *dataset, const uint32_t *index, size_t count);

/* Cross-entropy of a block against its images' smoothed labels. With a scale other than 0 also the gradient that the
 * backward pass begins with. */
cvy_block_result cvy_batch_loss(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index,
                                const float *logits, float smoothing, float scale);

#endif
