/* AVX2 + FMA: dense layers in NHWC.
 *
 * Registers: 8 x 1, 4 x 2, 4 x 3 or 2 x 4 rows x vectors are up to 12 accumulators.
 *
 * Share of the peak of 256-bit FMAs (gcc 12, Zen 5, 16 images), forward, data, weights: 96 -> 84 86, 74 and 82 %,
 * 84 -> 10 52, 44 and 50 %. One image: 96 -> 84 forward 38 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_ROWS = 8, TILE_VECTORS = 4 };
#define TILES(TILE)                                                                                                    \
    TILE(1, 1)                                                                                                         \
    TILE(2, 1)                                                                                                         \
    TILE(4, 1) TILE(8, 1) TILE(1, 2) TILE(2, 2) TILE(4, 2) TILE(1, 3) TILE(2, 3) TILE(4, 3) TILE(1, 4) TILE(2, 4)

#include "../template/nhwc_dense.h"
