/* AVX-512: convolution backward to the data.
 *
 * Registers: 2 x 4 inputs x 3 channels or 2 x 2 x 6 make 24 accumulators; beside them a weight per channel and one
 * vector of dy. Inside, the FMA pipes bound the kernel: 10 or 11 loads for 24 multiply-adds. Near the border parts of a
 * tile are short of the 8 independent chains that two pipes of latency 4 need.
 *
 * Share of the FMA peak (gcc 12, Zen 5, one block, multiply-adds counted densely): 12x12x3 <- 6 filters of 5x5 89 %,
 * 12x12x6 <- 16 95 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_CHANNELS = 6 };
#define DATA_TILES(TILE) TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6)

#include "../template/conv2d_backward_data.h"
