/* AVX-512: 32 registers of 16 floats, two FMA pipes. Shares as in vector/plan_32.h, which has the other plans. */
#ifndef CVY_AVX512_PLAN_H
#define CVY_AVX512_PLAN_H

#include "../vector/plan_32.h"

/* Vectors that an activation takes side by side. Silu with its derivative is 12 FMA operations and a division: 8 cycles
 * a vector, since the divider takes one every 2.5 cycles. */
enum { ACTIVATION_VECTORS = 4 };

/* Dense: up to 28 accumulators, one an output. Each weight is an operand broadcast from memory, so 28 multiply-adds
 * take 29 loads, at two of either a cycle. 96 -> 84: forward 93 %, data 92 %; 84 -> 10: 92 and 83 %.
 *
 * TILE(outputs, lanes) */
enum { DENSE_OUTPUTS = 28 };
#define DENSE_TILES(TILE) TILES_TO_28(TILE, 16)

/* NHWC forward: WEAVE(filters) */
enum { NHWC_CONV2D_FORWARD_WOVEN = 6 };
#define NHWC_CONV2D_FORWARD_WEAVES(WEAVE) WEAVE(1) WEAVE(2) WEAVE(3) WEAVE(4) WEAVE(5) WEAVE(6)

/* NCHW16C: 6 elements x 4 blocks of filters are 24 sums, beside 4 vectors of weights and a broadcast number. 24
 * multiply-adds take 10 loads, so the FMA pipes bound it. Fewer blocks take more elements, but no more than 12: images
 * are often a multiple of 4 KiB apart, and the sets of an L1 cache hold 8 to 12 lines. (16 images of 12x12, 16 -> 32,
 * backward to the data: 70 % in tiles of 8, 36 % in one of 16.) The gradient of the weights is alike, with dy in the
 * place of weights, and has no such limit.
 *
 * The most elements for each number of blocks; TILE(elements, blocks) */
enum { NCHW16C_TILE_BLOCKS = 4, NCHW16C_TILE_ELEMENTS = 16 };
#define NCHW16C_CONV2D_MOST                                                                                            \
    { 0, 12, 12, 8, 6 }
#define NCHW16C_CONV2D_TILES(TILE) TILES_TO_12(TILE, 1) TILES_TO_12(TILE, 2) TILES_TO_8(TILE, 3) TILES_TO_6(TILE, 4)
#define NCHW16C_CONV2D_WEIGHTS_MOST                                                                                    \
    { 0, 16, 12, 8, 6 }
#define NCHW16C_CONV2D_WEIGHTS_TILES(TILE)                                                                             \
    TILES_TO_16(TILE, 1) TILES_TO_12(TILE, 2) TILES_TO_8(TILE, 3) TILES_TO_6(TILE, 4)

enum { PEAK_CHAINS = 16 };

#endif
