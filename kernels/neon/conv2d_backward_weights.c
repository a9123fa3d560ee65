/* NEON: convolution backward to the weights.
 *
 * Registers: from all outputs 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators of the 32, from
 * winners 6 x 5. Run under emulation so far, not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_FILTERS = 6, TILE_KERNEL_ROWS = 5, TILE_VECTORS = 2, ALIGN_FROM = 0 };
#define WEIGHT_TILES(TILE)                                                                                             \
    TILE(all, 1, 1)                                                                                                    \
    TILE(all, 2, 1)                                                                                                    \
    TILE(all, 4, 1) TILE(all, 1, 2) TILE(all, 2, 2) TILE(winners, 1, 1) TILE(winners, 2, 1) TILE(winners, 3, 1)        \
        TILE(winners, 6, 1) TILE(winners, 1, 2) TILE(winners, 2, 2) TILE(winners, 3, 2) TILE(aligned, 1, 1)            \
            TILE(aligned, 2, 1) TILE(aligned, 3, 1) TILE(aligned, 6, 1)
#define OWN_WINNERS(...) false

#include "../template/conv2d_backward_weights.h"
