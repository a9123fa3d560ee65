/* NEON: dense layers.
 *
 * Registers: 6 outputs x the 4 vectors of a block make 24 accumulators of the 32; a broadcast weight serves all four.
 * Backward to the weights: 4 inputs x 6 vectors of units, or 28 x 1. Run under emulation so far, not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_OUTPUTS = 6, TILE_INPUTS = 28, TILE_VECTORS = 6 };
#define OUTPUT_TILES(TILE) TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#define WEIGHT_TILES(TILE)                                                                                             \
    TILE(1, 1)                                                                                                         \
    TILE(2, 1)                                                                                                         \
    TILE(4, 1)                                                                                                         \
    TILE(8, 1)                                                                                                         \
    TILE(16, 1)                                                                                                        \
    TILE(24, 1)                                                                                                        \
    TILE(28, 1) TILE(1, 2) TILE(2, 2) TILE(4, 2) TILE(8, 2) TILE(12, 2) TILE(1, 3) TILE(2, 3) TILE(4, 3) TILE(8, 3)    \
        TILE(1, 4) TILE(2, 4) TILE(4, 4) TILE(6, 4) TILE(1, 5) TILE(2, 5) TILE(4, 5) TILE(1, 6) TILE(2, 6) TILE(4, 6)

#include "../template/dense.h"
