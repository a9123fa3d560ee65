/* NEON: convolution forward, plain and fused with activation and 2x2 max-pool.
 *
 * Registers: 2 x 4 outputs x 3 filters or 2 x 2 x 6 make 24 accumulators of the 32; beside them the tap's weights and
 * one input vector. Run under emulation so far, not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { ACTIVATE_VECTORS = 4 };

enum { TILE_FILTERS = 6 };
#define CONV2D_TILES(TILE)                                                                                             \
    TILE(1, 1)                                                                                                         \
    TILE(2, 1)                                                                                                         \
    TILE(4, 1)                                                                                                         \
    TILE(8, 1)                                                                                                         \
    TILE(1, 2)                                                                                                         \
    TILE(2, 2)                                                                                                         \
    TILE(4, 2) TILE(1, 3) TILE(2, 3) TILE(4, 3) TILE(1, 4) TILE(2, 4) TILE(1, 5) TILE(2, 5) TILE(1, 6) TILE(2, 6)

#include "../template/conv2d_forward.h"
#include "../template/nhwc_activation_maxpool.h"
