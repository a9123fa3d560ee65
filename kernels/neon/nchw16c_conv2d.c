/* NEON: convolution in NCHW16C, forward and backward to the data.
 *
 * 32 registers: 6 elements x 1 block are 24 sums, and 4 vectors of weights and a broadcast number beside them: 24
 * multiply-adds for 10 loads. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { TILE_BLOCKS = 1, TILE_ELEMENTS = 6 };
static const int tile_most[TILE_BLOCKS + 1] = {0, 6};
#define CONV2D_TILES(TILE) TILES_6(TILE, 1)

#include "../template/nchw16c_conv2d.h"
