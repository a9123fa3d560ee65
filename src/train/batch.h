/* A batch as blocks of 16 images: how threads share them, what a block takes in, and what came of it. */
#ifndef CVY_BATCH_H
#define CVY_BATCH_H

#include "../data/dataset.h"
#include "../model/block.h"
#include "trainer_object.h"

static inline size_t cvy_blocks_of(size_t images) {
    return (images + CVY_LANES - 1) / CVY_LANES;
}

/* Blocks [begin, end) are thread's share. */
static inline void cvy_share_of(size_t blocks, int thread, int threads, size_t *begin, size_t *end) {
    *begin = blocks * (size_t)thread / (size_t)threads;
    *end = blocks * ((size_t)thread + 1) / (size_t)threads;
}

/* Asks for images that will be loaded soon: they lie anywhere in the data set. */
void cvy_batch_prefetch(const cvy_dataset *dataset, const uint32_t *index, size_t count);

/* Cross-entropy of a block against its images' smoothed labels; with a scale, also the gradient that backward begins
 * with. */
cvy_tally cvy_batch_loss(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index, const float *logits,
                         float smoothing, float scale);

/* Adds the blocks of a batch of `images` images to the metrics, in their order, whichever thread they were with; their
 * results stand in the workers' tallies from `slot` on. */
void cvy_batch_add(cvy_metrics *metrics, const cvy_worker *workers, int threads, size_t images, size_t slot);

#endif
