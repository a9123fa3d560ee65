/* AVX2 + FMA: convolution backward to the data in NHWC.
 *
 * Registers: 2 images x 5 slots, or 1 x 10, make 10 accumulators.
 *
 * Share of the peak of 256-bit FMAs (gcc 12, Zen 5, 16 images, multiply-adds counted densely), kernels of 5x5:
 * 28x28x1 -> 3 18 %, 12x12x3 -> 6 44 %, 12x12x6 -> 16 66 %, 12x12x32 -> 64 90 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_IMAGES = 2, TILE_SLOTS = 10 };
#define TILES(TILE)                                                                                                    \
    TILE(1, 1)                                                                                                         \
    TILE(1, 2)                                                                                                         \
    TILE(1, 3)                                                                                                         \
    TILE(1, 4)                                                                                                         \
    TILE(1, 5)                                                                                                         \
    TILE(1, 6) TILE(1, 7) TILE(1, 8) TILE(1, 9) TILE(1, 10) TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5)

#include "../template/nhwc_conv2d_backward_data.h"
