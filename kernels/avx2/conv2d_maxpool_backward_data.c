/* AVX2 + FMA: gradient of a convolution's input from the winners of a 2x2 max-pool.
 *
 * Registers: a tile of 2 x 2 inputs x 3 channels makes 12 accumulators; beside them a vector of dy, the winners, four
 * weights and those chosen of them, 16 in all. */
#include <string.h>

#include "permute.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_CHANNELS = 3 };
#define ARGMAX_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(1, 2) TILE(1, 3)

#include "../template/conv2d_maxpool_backward_data.h"
