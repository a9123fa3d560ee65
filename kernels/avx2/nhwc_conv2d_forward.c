/* AVX2 + FMA: convolution forward in NHWC.
 *
 * Registers: 3 filters x 4 vectors of positions make 12 accumulators, beside 3 weights and an input.
 *
 * Share of the peak of 256-bit FMAs (gcc 12, Zen 5, 16 images, multiply-adds counted densely), kernels of 5x5:
 * 28x28x1 -> 3 76 %, 12x12x3 -> 6 70 %, 12x12x6 -> 16 86 %, 12x12x32 -> 64 94 %. */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { TILE_FILTERS = 3, TILE_VECTORS = 8 };
#define TILES(TILE)                                                                                                    \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 8) TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(3, 1) TILE(3, 2) TILE(3, 4)

enum { WEAVE_FILTERS = 4 };
#define WEAVES(WEAVE) WEAVE(1) WEAVE(2) WEAVE(3) WEAVE(4)

#include "../template/nhwc_conv2d_forward.h"
