/* AVX2 + FMA: convolution in NCHW16C, forward and backward to the data.
 *
 * 16 registers: 6 elements x 1 block are 12 sums, and 2 vectors of weights and a broadcast number beside them: 12
 * multiply-adds for 8 loads, so the two FMA ports bound it, not the loads. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_BLOCKS = 1, TILE_ELEMENTS = 6 };
static const int tile_most[TILE_BLOCKS + 1] = {0, 6};
#define CONV2D_TILES(TILE) TILES_6(TILE, 1)

#include "../template/nchw16c_conv2d.h"
