/* NEON: gradient of a convolution's weights from the winners of a 2x2 max-pool.
 *
 * Registers: in lanes 5 kernel rows x 3 columns make 15 accumulators of the 32; beside them the row above's 3, two
 * inputs, two masks and dy. Image by image 6 filters x 5 kernel rows or 3 x 5 x 2 vectors make 30. Run under emulation
 * so far, not timed. */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_ROWS = 5, TILE_COLUMNS = 3, IMAGES_FROM = 48, FIELD_FILTERS = 6, FIELD_VECTORS = 2 };
#define ARGMAX_TILES(TILE)                                                                                             \
    TILE(1, 1)                                                                                                         \
    TILE(1, 2)                                                                                                         \
    TILE(1, 3)                                                                                                         \
    TILE(2, 1)                                                                                                         \
    TILE(2, 2)                                                                                                         \
    TILE(2, 3) TILE(3, 1) TILE(3, 2) TILE(3, 3) TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(5, 1) TILE(5, 2) TILE(5, 3)
#define FIELD_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(6, 1) TILE(1, 2) TILE(2, 2) TILE(3, 2)

#include "../template/conv2d_maxpool_backward_weights.h"
