/* NEON: convolution backward to the weights in NHWC.
 *
 * Registers: 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_FILTERS = 4, TILE_VECTORS = 2 };
#define TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(1, 2) TILE(2, 2)

#include "../template/nhwc_conv2d_backward_weights.h"
