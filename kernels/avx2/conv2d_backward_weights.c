/* AVX2 + FMA: convolution backward to the weights.
 *
 * Registers: 2 filters x 5 kernel rows make 10 accumulators.
 *
 * Share of the peak of 256-bit FMAs (gcc 12, Zen 5, one block, multiply-adds counted densely): 12x12x3 -> 6 filters of
 * 5x5 61 %, 12x12x6 -> 16 60 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_FILTERS = 2, TILE_VECTORS = 2 };
#define WEIGHT_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(1, 2)

#include "../template/conv2d_backward_weights.h"
