/* AVX-512: convolution forward in NHWC.
 *
 * Registers: 3 filters x 8 vectors of positions, or 6 x 4, make 24 accumulators; a vector of a plane is loaded once a
 * tap, half of the loads cross a cache line. FMAs bound the tiles; making planes and weaving the results take the rest,
 * the more the fewer the filters.
 *
 * Share of the FMA peak (gcc 12, Zen 5, 16 images, multiply-adds counted densely, oneDNN 3.2's best in the same run in
 * brackets), kernels of 5x5: 28x28x1 -> 3 62 % (14), 12x12x3 -> 6 52 % (27), 12x12x6 -> 16 80 % (79),
 * 12x12x32 -> 64 94 % (96). */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_FILTERS = 6, TILE_VECTORS = 8 };
#define TILES(TILE)                                                                                                    \
    TILE(1, 1)                                                                                                         \
    TILE(1, 2)                                                                                                         \
    TILE(1, 4)                                                                                                         \
    TILE(1, 8)                                                                                                         \
    TILE(2, 1)                                                                                                         \
    TILE(2, 2)                                                                                                         \
    TILE(2, 4)                                                                                                         \
    TILE(2, 8)                                                                                                         \
    TILE(3, 1)                                                                                                         \
    TILE(3, 2)                                                                                                         \
    TILE(3, 4)                                                                                                         \
    TILE(3, 8) TILE(4, 1) TILE(4, 2) TILE(4, 4) TILE(5, 1) TILE(5, 2) TILE(5, 4) TILE(6, 1) TILE(6, 2) TILE(6, 4)

enum { WEAVE_FILTERS = 6 };
#define WEAVES(WEAVE) WEAVE(1) WEAVE(2) WEAVE(3) WEAVE(4) WEAVE(5) WEAVE(6)

#include "../template/nhwc_conv2d_forward.h"
