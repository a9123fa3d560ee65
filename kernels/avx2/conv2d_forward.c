/* AVX2 + FMA: convolution forward, plain and fused with activation and 2x2 max-pool. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_FILTERS = 3 };
#define CONV2D_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(4, 1) TILE(1, 2) TILE(2, 2) TILE(1, 3) TILE(2, 3)

#include "../template/conv2d_forward.h"
