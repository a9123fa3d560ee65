/* AVX-512: convolution forward, plain and fused with activation and 2x2 max-pool.
 *
 * Registers: 2 x 4 outputs x 3 filters or 2 x 2 x 6 make 24 accumulators; beside them the tap's 3 or 6 weights and one
 * input vector at a time, which v_keep holds there: gcc would load it again for every filter, and loads would bound the
 * kernel. As it is, a tap of 24 multiply-adds takes 10 or 11 loads of the 24 that fit beside them: the FMA pipes bound
 * it.
 *
 * Share of the FMA peak (gcc 12, Zen 5, one block, multiply-adds counted densely): 28x28x1 -> 3 filters of
 * 5x5 90 %, 12x12x3 -> 6 95 %, 12x12x6 -> 16 97 %. Fused with silu and pool 61, 83, 90 %: a window's choice
 * (6 minima and maxima, 8 comparisons, 7 other operations), its argmax (7) and silu with its derivative (25 and a
 * division) take 20 to 25 cycles on the two pipes that do most of them, besides the multiply-adds. Tried, and slower:
 * pooling in between the next tile's kernel rows (no registers are left for it), choice and activation of a group of
 * windows in one pass, the activation of the whole block at the end.
 */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { ACTIVATE_VECTORS = 4 };

enum { TILE_FILTERS = 6 };
#define CONV2D_TILES(TILE)                                                                                             \
    TILE(1, 1)                                                                                                         \
    TILE(2, 1)                                                                                                         \
    TILE(4, 1)                                                                                                         \
    TILE(8, 1)                                                                                                         \
    TILE(1, 2)                                                                                                         \
    TILE(2, 2)                                                                                                         \
    TILE(4, 2) TILE(1, 3) TILE(2, 3) TILE(4, 3) TILE(1, 4) TILE(2, 4) TILE(1, 5) TILE(2, 5) TILE(1, 6) TILE(2, 6)

#include "../template/conv2d_forward.h"
#include "../template/nhwc_activation_maxpool.h"
