/* AVX-512: convolution in NCHW16C, forward and backward to the data.
 *
 * 32 registers: 6 elements x 4 blocks of filters are 24 sums, and 4 vectors of weights and a broadcast number beside
 * them: 24 multiply-adds for 10 loads, so the two FMA ports bound it, not the loads. Fewer blocks take more elements,
 * but no more than 12: images are often a multiple of 4 KiB apart, and the sets of an L1 cache hold 8 to 12 lines. (16
 * images of 12x12, 16->32 5x5, backward to the data: 70 % of the FMA peak in tiles of 8, 36 % in one of 16.) */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_BLOCKS = 4, TILE_ELEMENTS = 12 };
static const int tile_most[TILE_BLOCKS + 1] = {0, 12, 12, 8, 6};
#define CONV2D_TILES(TILE) TILES_12(TILE, 1) TILES_12(TILE, 2) TILES_8(TILE, 3) TILES_6(TILE, 4)

#include "../template/nchw16c_conv2d.h"
