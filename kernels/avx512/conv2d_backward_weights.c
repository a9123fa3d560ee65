/* AVX-512: convolution backward to the weights.
 *
 * Registers: from all outputs 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators, which share each
 * load of the image. From winners every multiply-add has a load of its own, so loads bound it: 6 x 5 accumulators, the
 * load folded into the multiply-add. Kernel rows of up to 16 floats are copied to aligned places first where that pays,
 * as a load that crosses a cache line takes two of the two slots a cycle; fields of a few floats have a plan of their
 * own, narrow_winners.h.
 *
 * Share of the FMA peak (gcc 12, Zen 5, one block, multiply-adds counted densely): winners of 28x28x1 -> 3
 * filters of 5x5, on drawn digits, 107 %, 12x12x3 -> 6 158 %, 12x12x6 -> 16 148 %; all outputs of the last two 62 and
 * 76 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_FILTERS = 6, TILE_KERNEL_ROWS = 5, TILE_VECTORS = 2, ALIGN_FROM = 4 };
#define WEIGHT_TILES(TILE)                                                                                             \
    TILE(all, 1, 1)                                                                                                    \
    TILE(all, 2, 1)                                                                                                    \
    TILE(all, 4, 1)                                                                                                    \
    TILE(all, 1, 2) TILE(all, 2, 2) TILE(winners, 1, 1) TILE(winners, 2, 1) TILE(winners, 3, 1) TILE(winners, 6, 1)    \
        TILE(winners, 1, 2) TILE(winners, 2, 2) TILE(winners, 3, 2) TILE(aligned, 1, 1) TILE(aligned, 2, 1)            \
            TILE(aligned, 3, 1) TILE(aligned, 6, 1)
#define OWN_WINNERS narrow_winners

#include "../contract.h"
#include "../template/tile.h"
#include "narrow_winners.h"

#include "../template/conv2d_backward_weights.h"
