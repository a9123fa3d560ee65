/* AVX-512: convolution in NCHW16C, backward to the weights. Registers as in nchw16c_conv2d.c, gradients in the place of
 * weights. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_BLOCKS = 4, TILE_ELEMENTS = 16 };
static const int tile_most[TILE_BLOCKS + 1] = {0, 16, 12, 8, 6};
#define WEIGHT_TILES(TILE) TILES_16(TILE, 1) TILES_12(TILE, 2) TILES_8(TILE, 3) TILES_6(TILE, 4)

#include "../template/nchw16c_conv2d_weights.h"
