/* NEON: convolution forward in NHWC.
 *
 * Registers: 3 filters x 8 vectors of positions, or 6 x 4, make 24 accumulators. */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_FILTERS = 6, TILE_VECTORS = 8 };
#define TILES(TILE)                                                                                                    \
    TILE(1, 1)                                                                                                         \
    TILE(1, 2)                                                                                                         \
    TILE(1, 4)                                                                                                         \
    TILE(1, 8)                                                                                                         \
    TILE(2, 1)                                                                                                         \
    TILE(2, 2)                                                                                                         \
    TILE(2, 4)                                                                                                         \
    TILE(2, 8)                                                                                                         \
    TILE(3, 1)                                                                                                         \
    TILE(3, 2)                                                                                                         \
    TILE(3, 4)                                                                                                         \
    TILE(3, 8) TILE(4, 1) TILE(4, 2) TILE(4, 4) TILE(5, 1) TILE(5, 2) TILE(5, 4) TILE(6, 1) TILE(6, 2) TILE(6, 4)

enum { WEAVE_FILTERS = 2 };
#define WEAVES(WEAVE) WEAVE(1) WEAVE(2)

#include "../template/nhwc_conv2d_forward.h"
