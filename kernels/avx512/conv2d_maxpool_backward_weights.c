/* AVX-512: gradient of a convolution's weights from the winners of a 2x2 max-pool.
 *
 * Registers: in lanes 5 kernel rows x 3 columns make 15 accumulators; beside them the row above's 3, two inputs and dy.
 * The selections and the multiply-adds share four pipes, and for 15 of these there are 33 of those and 26 loads. Image
 * by image, 6 filters x 5 kernel rows or 3 x 5 x 2 vectors make 30, with the load folded into the multiply-add. Which
 * takes less time turns between 30 and 80 floats a kernel row. */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_avx512

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
