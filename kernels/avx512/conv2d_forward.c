/* AVX-512: convolution forward, plain and fused with activation and 2x2 max-pool.
 *
 * Registers: 2 x 4 outputs x 3 filters or 2 x 2 x 6 make 24 accumulators; beside them the tap's 3 or 6 weights and one
 * input vector at a time, which v_keep holds there: gcc would load it again for every filter, and loads would bound the
 * kernel. As it is, a tap of 24 multiply-adds takes 10 or 11 loads of the 24 that fit beside them: the FMA pipes bound
 * it.
 *
 * Share of the FMA peak (gcc 12, Zen 5, one block, multiply-adds counted densely): 28x28x1 -> 3 filters of
 * 5x5 92 %, 12x12x3 -> 6 96 %, 12x12x6 -> 16 97 %. Fused with silu and pool 64, 81, 87 %: a window's choice and silu
 * are about 45 operations on four pipes besides the multiply-adds. Pooling in between the next tile's kernel rows, to
 * run beside its multiply-adds, was tried and was slower: there are no registers left for it. */
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
