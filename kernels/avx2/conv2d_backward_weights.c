/* AVX2 + FMA: convolution backward to the weights.
 *
 * Registers: from all outputs 2 filters x 5 kernel rows make 10 accumulators. From winners 3 x 5, or 1 x 5 x 2 vectors,
 * with the load folded into the multiply-add; loads bound it, two a cycle, and two for one where it crosses a cache
 * line.
 *
 * Share of the peak of 256-bit FMAs (gcc 12, Zen 5, one block, multiply-adds counted densely): winners of
 * 28x28x1 -> 3 filters of 5x5 141 %, 12x12x3 -> 6 222 %, 12x12x6 -> 16 199 %; all outputs of the last two 58 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_FILTERS = 3, TILE_KERNEL_ROWS = 5, TILE_VECTORS = 2, ALIGN_FROM = 0 };
#define WEIGHT_TILES(TILE)                                                                                             \
    TILE(all, 1, 1)                                                                                                    \
    TILE(all, 2, 1)                                                                                                    \
    TILE(all, 1, 2) TILE(winners, 1, 1) TILE(winners, 2, 1) TILE(winners, 3, 1) TILE(winners, 1, 2)                    \
        TILE(aligned, 1, 1) TILE(aligned, 2, 1) TILE(aligned, 3, 1)
#define OWN_WINNERS(...) false

#include "../template/conv2d_backward_weights.h"
