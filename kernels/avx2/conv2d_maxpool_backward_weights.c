/* AVX2 + FMA: gradient of a convolution's weights from the winners of a 2x2 max-pool.
 *
 * Registers: image by image, 3 filters x 5 kernel rows, or 1 x 5 x 2 vectors, with the load folded into the
 * multiply-add; loads bound it, two a cycle, and two for one where it crosses a cache line. In lanes 5 kernel rows x 2
 * columns make 10 accumulators; beside them the row above's 2, two masks, and dy and the inputs from memory. There
 * blends share the two pipes of the multiply-adds, 22 of them for 10 of these, so that plan is left to kernel rows of
 * fewer than 5 floats. Tried, and no faster: the same by and and xor, which run on all four pipes but are two or three
 * instructions each. */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_ROWS = 5, TILE_COLUMNS = 2, IMAGES_FROM = 5, FIELD_FILTERS = 3, FIELD_VECTORS = 2 };
#define ARGMAX_TILES(TILE)                                                                                             \
    TILE(1, 1) TILE(1, 2) TILE(2, 1) TILE(2, 2) TILE(3, 1) TILE(3, 2) TILE(4, 1) TILE(4, 2) TILE(5, 1) TILE(5, 2)
#define FIELD_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(1, 2)

#include "../template/conv2d_maxpool_backward_weights.h"
