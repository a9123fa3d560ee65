/* NEON: dense layers in NHWC.
 *
 * Registers: 8 rows x 3 vectors or 4 x 6 make 24 accumulators. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_ROWS = 8, TILE_VECTORS = 6 };
#define TILES(TILE)                                                                                                    \
    TILE(1, 1)                                                                                                         \
    TILE(2, 1)                                                                                                         \
    TILE(4, 1)                                                                                                         \
    TILE(8, 1)                                                                                                         \
    TILE(1, 2)                                                                                                         \
    TILE(2, 2)                                                                                                         \
    TILE(4, 2)                                                                                                         \
    TILE(8, 2)                                                                                                         \
    TILE(1, 3)                                                                                                         \
    TILE(2, 3)                                                                                                         \
    TILE(4, 3)                                                                                                         \
    TILE(8, 3) TILE(1, 4) TILE(2, 4) TILE(4, 4) TILE(1, 5) TILE(2, 5) TILE(4, 5) TILE(1, 6) TILE(2, 6) TILE(4, 6)

#include "../template/nhwc_dense.h"
