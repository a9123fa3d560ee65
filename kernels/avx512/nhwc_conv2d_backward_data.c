/* AVX-512: convolution backward to the data in NHWC.
 *
 * Registers: 4 images x 5 slots make 20 accumulators, which share each load of the weights; one image 10. With few
 * filters the loads and stores of dx bound it, two loads and a store for so many multiply-adds; with one channel, only
 * 5 lanes of a slot are in use besides.
 *
 * Share of the FMA peak (gcc 12, Zen 5, 16 images, multiply-adds counted densely, oneDNN 3.2's best in the same run in
 * brackets), kernels of 5x5: 28x28x1 -> 3 8 % (6), 12x12x3 -> 6 42 % (6), 12x12x6 -> 16 67 % (32),
 * 12x12x32 -> 64 92 % (87). One image: 6, 21, 38 and 70 %, as it waits for what it has just stored. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_IMAGES = 4, TILE_SLOTS = 10 };
#define TILES(TILE)                                                                                                    \
    TILE(1, 1)                                                                                                         \
    TILE(1, 2)                                                                                                         \
    TILE(1, 3)                                                                                                         \
    TILE(1, 4)                                                                                                         \
    TILE(1, 5)                                                                                                         \
    TILE(1, 6)                                                                                                         \
    TILE(1, 7)                                                                                                         \
    TILE(1, 8)                                                                                                         \
    TILE(1, 9)                                                                                                         \
    TILE(1, 10)                                                                                                        \
    TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5) TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(4, 4) TILE(4, 5)

#include "../template/nhwc_conv2d_backward_data.h"
