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

/* Where a thread is in a step: it takes blocks [begin, end), one after another. Where there are more threads than
 * blocks it is one of the `parts` threads on block `begin`, of which part 0, thread `leader`, takes it and the others
 * help; a thread without a place has part >= parts. */
typedef struct cvy_place {
    size_t begin, end;
    int leader, part, parts;
} cvy_place;

/* Those who help are the last threads before the one whose share the block is. */
static inline cvy_place cvy_place_of(const cvy_trainer *trainer, size_t blocks, int thread, int threads) {
    cvy_place place = {.leader = thread, .part = 0, .parts = 1};
    cvy_share_of(blocks, thread, threads, &place.begin, &place.end);
    if (blocks >= (size_t)threads)
        return place;
    place.leader = (int)(((place.begin + 1) * (size_t)threads - 1) / blocks);
    place.part = place.leader - thread;
    place.parts = cvy_workers_parts(trainer, blocks, threads);
    return place;
}

/* Asks for images that will be loaded soon: they lie anywhere in the data set. */
void cvy_batch_prefetch(const cvy_dataset *dataset, const uint32_t *index, size_t count);

/* Cross-entropy of a block against its images' smoothed labels; with a scale, also the gradient that backward begins
 * with. */
cvy_block_result cvy_batch_loss(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index,
                                const float *logits, float smoothing, float scale);

/* Adds the blocks of a batch of `images` images to the metrics, in their order, whichever thread they were with; their
 * results stand in the workers' results from `slot` on. */
void cvy_batch_add(cvy_metrics *metrics, const cvy_worker *workers, int threads, size_t images, size_t slot);

#endif
