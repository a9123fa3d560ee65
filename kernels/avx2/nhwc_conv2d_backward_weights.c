/* AVX2 + FMA: convolution backward to the weights in NHWC.
 *
 * Registers: 2 filters x 5 kernel rows or 1 x 5 x 2 vectors make 10 accumulators.
 *
 * Share of the peak of 256-bit FMAs (gcc 12, Zen 5, 16 images, multiply-adds counted densely), kernels of 5x5:
 * 28x28x1 -> 3 46 % (5 of 8 lanes are in use), 12x12x3 -> 6 58 %, 12x12x6 -> 16 60 %, 12x12x32 -> 64 70 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_FILTERS = 2, TILE_VECTORS = 2 };
#define TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(1, 2)

#include "../template/nhwc_conv2d_backward_weights.h"
