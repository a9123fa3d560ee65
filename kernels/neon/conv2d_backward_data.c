/* NEON: convolution backward to the data.
 *
 * Registers: 2 x 4 inputs x 3 channels or 2 x 2 x 6 make 24 accumulators of the 32; beside them a weight per channel
 * and one vector of dy. Run under emulation so far, not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_CHANNELS = 6 };
#define DATA_TILES(TILE) TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6)

#include "../template/conv2d_backward_data.h"
