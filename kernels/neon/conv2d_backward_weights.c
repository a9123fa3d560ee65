/* NEON: convolution backward to the weights.
 *
 * Registers: 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators of the 32. Run under emulation so far,
 * not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_FILTERS = 4, TILE_VECTORS = 2 };
#define WEIGHT_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(4, 1) TILE(1, 2) TILE(2, 2)

#include "../template/conv2d_backward_weights.h"
