/* AVX2 + FMA: convolution backward to the data.
 *
 * Registers: 2 x 2 inputs x 3 channels make 12 accumulators; beside them a weight per channel and one vector of dy, 16
 * in all. The FMA pipes bound the kernel inside, the length of the chains near the border.
 *
 * Share of the peak of 256-bit FMAs (gcc 12, Zen 5, one block, multiply-adds counted densely): 12x12x3 <- 6 filters of
 * 5x5 85 %, 12x12x6 <- 16 90 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_CHANNELS = 3 };
#define DATA_TILES(TILE) TILE(4, 1) TILE(2, 2) TILE(2, 3)

#include "../template/conv2d_backward_data.h"
