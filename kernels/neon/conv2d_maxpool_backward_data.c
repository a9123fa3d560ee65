/* NEON: gradient of a convolution's input from the winners of a 2x2 max-pool.
 *
 * Registers: 2 tiles of 2 x 2 inputs x 3 channels, or 1 x 6 channels, make 24 accumulators of the 32. Run under
 * emulation so far, not timed. */
#include <string.h>

#include "permute.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_CHANNELS = 6 };
#define ARGMAX_TILES(TILE)                                                                                             \
    TILE(1, 1) TILE(2, 1) TILE(1, 2) TILE(2, 2) TILE(1, 3) TILE(2, 3) TILE(1, 4) TILE(1, 5) TILE(1, 6)

#include "../template/conv2d_maxpool_backward_data.h"
