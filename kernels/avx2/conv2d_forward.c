/* AVX2 + FMA: convolution forward, plain and fused with activation and 2x2 max-pool.
 *
 * Registers: 2 x 2 outputs x 3 filters make 12 accumulators; beside them the tap's 3 weights and one input vector, 16
 * in all. A tap of 12 multiply-adds takes 7 loads: the FMA pipes bound the kernel.
 *
 * Share of the peak of 256-bit FMAs (gcc 12, Zen 5, one block, multiply-adds counted densely): 28x28x1 -> 3
 * filters of 5x5, 12x12x3 -> 6 and 12x12x6 -> 16 99 % and more; fused with silu and pool 70, 88, 93 %. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { ACTIVATE_VECTORS = 2 };

enum { TILE_FILTERS = 3 };
#define CONV2D_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(4, 1) TILE(1, 2) TILE(2, 2) TILE(1, 3) TILE(2, 3)

#include "../template/conv2d_forward.h"
#include "../template/nhwc_activation_maxpool.h"
