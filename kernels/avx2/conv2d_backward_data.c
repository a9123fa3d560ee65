/* AVX2 + FMA: convolution backward to the data. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_CHANNELS = 3 };
#define DATA_TILES(TILE) TILE(4, 1) TILE(2, 2) TILE(2, 3)

#include "../template/conv2d_backward_data.h"
