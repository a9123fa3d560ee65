/* NEON: convolution in NCHW16C, backward to the weights. Registers as in nchw16c_conv2d.c, gradients in the place of
 * weights. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_BLOCKS = 1, TILE_ELEMENTS = 6 };
static const int tile_most[TILE_BLOCKS + 1] = {0, 6};
#define WEIGHT_TILES(TILE) TILES_6(TILE, 1)

#include "../template/nchw16c_conv2d_weights.h"
