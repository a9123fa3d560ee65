/* AVX-512: convolution backward to the weights.
 *
 * Registers: 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators, which share each load of the image.
 *
 * Share of the FMA peak (gcc 12, Zen 5, one block, multiply-adds counted densely): 12x12x3 -> 6 filters of 5x5 84 %,
 * 12x12x6 -> 16 77 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_FILTERS = 4, TILE_VECTORS = 2 };
#define WEIGHT_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(4, 1) TILE(1, 2) TILE(2, 2)

#include "../template/conv2d_backward_weights.h"
