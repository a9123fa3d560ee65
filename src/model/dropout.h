/* Dropout's random factors (Srivastava et al., JMLR 2014). */
#ifndef CVY_DROPOUT_H
#define CVY_DROPOUT_H

#include "plan.h"

/* Where dropout's numbers come from: a pure function of this and of the image's place in the batch. */
typedef struct cvy_block_random {
    uint64_t seed;
    uint32_t step;  /* training steps done before this one */
    uint32_t first; /* place in the batch of the block's first image */
} cvy_block_random;

/* Fills keep [output elements][16] of a dropout stage: 1 / (1 - rate) with probability 1 - rate, else 0. */
void cvy_dropout_draw(const cvy_stage *stage, const cvy_block_random *random, float *keep);

#endif
