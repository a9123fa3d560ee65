/* AVX-512: convolution backward to the weights in NHWC.
 *
 * Registers: 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators, which share each load of the field.
 * What bounds it is how much of the vectors a kernel row fills: 5 of 16 lanes with one channel, 15 with three.
 *
 * Share of the FMA peak (gcc 12, Zen 5, 16 images, multiply-adds counted densely, oneDNN 3.2's best in the same run in
 * brackets), kernels of 5x5: 28x28x1 -> 3 27 % (14), 12x12x3 -> 6 83 % (21), 12x12x6 -> 16 73 % (59),
 * 12x12x32 -> 64 86 % (92). */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_FILTERS = 4, TILE_VECTORS = 2 };
#define TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(1, 2) TILE(2, 2)

#include "../template/nhwc_conv2d_backward_weights.h"
