/* AVX2 + FMA: gradient of a convolution's weights from the winners of a 2x2 max-pool.
 *
 * Registers: 5 kernel rows x 1 column make 5 accumulators; beside them the row above, two inputs, two masks and dy. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_ROWS = 5, TILE_COLUMNS = 1 };
#define WINNER_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1)

#include "../template/conv2d_maxpool_backward_weights.h"
