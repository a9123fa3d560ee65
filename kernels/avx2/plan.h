/* AVX2 + FMA: the register plans, and what bounds each kernel. 16 registers of 8 floats, two FMA pipes.
 *
 * Shares are of the peak of 256-bit FMAs on one core of a Zen 5 (gcc 12, one block or 16 images), with multiply-adds
 * counted densely. Kernels are 5x5; "12x12x3 -> 6" names input extents, channels and filters. */
#ifndef CVY_AVX2_PLAN_H
#define CVY_AVX2_PLAN_H

/* Vectors that an activation takes side by side: 16 registers hold no more. Silu with its derivative takes 9 cycles a
 * vector, bound by the FMA pipes. */
enum { ACTIVATION_VECTORS = 2 };

/* ---- HWC16N ----------------------------------------------------------------------------------------------------- */

/* 2 x 2 outputs x 3 filters make 12 accumulators, beside the tap's 3 weights and one input vector: 16 in all. A tap of
 * 12 multiply-adds takes 7 loads, so the FMA pipes bound it. 28x28x1 -> 3, 12x12x3 -> 6 and 12x12x6 -> 16: 99 % and
 * more; fused with silu and pool 70, 88 and 93 %.
 *
 * TILE(columns, filters) */
enum { CONV2D_FORWARD_FILTERS = 3 };
#define CONV2D_FORWARD_TILES(TILE) TILES_1_2_4(TILE, 1) TILES_1_2(TILE, 2) TILES_1_2(TILE, 3)

/* 2 x 2 inputs x 3 channels make 12 accumulators, beside a weight per channel and one vector of dy. The FMA pipes bound
 * it away from the border, the length of the chains near it. 12x12x3 <- 6: 85 %, 12x12x6 <- 16: 90 %.
 *
 * TILE(columns, channels) */
enum { CONV2D_BACKWARD_DATA_CHANNELS = 3 };
#define CONV2D_BACKWARD_DATA_TILES(TILE) TILE(4, 1) TILE(2, 2) TILE(2, 3)

/* 2 filters x 5 kernel rows make 10 accumulators. 12x12x3 -> 6: 61 %, 12x12x6 -> 16: 60 %.
 *
 * TILE(filters, vectors) */
enum { WEIGHT_TILE_FILTERS = 2, WEIGHT_TILE_VECTORS = 2 };
#define CONV2D_BACKWARD_WEIGHTS_TILES(TILE) TILES_1_2(TILE, 1) TILE(1, 2)

/* 2 x 2 inputs x 3 channels make 12 accumulators, beside a vector of dy, the argmax, four weights and those chosen of
 * them.
 *
 * TILE(tiles, channels) */
enum { CONV2D_MAXPOOL_BACKWARD_DATA_CHANNELS = 3 };
#define CONV2D_MAXPOOL_BACKWARD_DATA_TILES(TILE) TILES_1_2(TILE, 1) TILE(1, 2) TILE(1, 3)

/* In lanes: 5 kernel rows x 2 columns make 10 accumulators, beside the 2 choices of the row above and two masks; dy and
 * the inputs come from memory. Blends share the two pipes of the multiply-adds, 22 of them for 10 of these, so only
 * kernel rows of fewer than 5 floats go by this plan. Tried, and no faster: and with xor in the place of a blend. They
 * run on all four pipes but are two or three instructions each.
 *
 * TILE(rows, columns) */
enum { CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS = 5, CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS = 2 };
#define CONV2D_MAXPOOL_BACKWARD_WEIGHTS_TILES(TILE) TILES_TO_5(TILE, 1) TILES_TO_5(TILE, 2)

/* Image by image: 3 filters x 5 kernel rows, or 1 x 5 x 2 vectors, with the load folded into the multiply-add. Loads
 * bound it: two a cycle, and two for one where it crosses a cache line.
 *
 * TILE(filters, vectors) */
enum { ARGMAX_ROWS_FROM = 5, ARGMAX_ROWS_FILTERS = 3, ARGMAX_ROWS_VECTORS = 2 };
#define ARGMAX_ROWS_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(1, 2)

/* 6 outputs x the 2 vectors of a block make 12 accumulators; a broadcast weight serves both vectors. 96 -> 84: forward
 * 98 %, data 97 %; 84 -> 10: 102 and 92 %.
 *
 * TILE(outputs, lanes) */
enum { DENSE_OUTPUTS = 6 };
#define DENSE_TILES(TILE) TILES_TO_6(TILE, 16)

/* 4 inputs x 3 vectors of units, or 12 x 1. 96 -> 84: 90 %; 84 -> 10: 57 %.
 *
 * TILE(inputs, vectors) */
enum { DENSE_BACKWARD_WEIGHTS_INPUTS = 12, DENSE_BACKWARD_WEIGHTS_VECTORS = 3 };
#define DENSE_BACKWARD_WEIGHTS_TILES(TILE)                                                                             \
    TILES_1_2_4_8(TILE, 1) TILE(12, 1) TILES_1_2_4(TILE, 2) TILE(6, 2) TILES_1_2_4(TILE, 3)

/* ---- NHWC ------------------------------------------------------------------------------------------------------- */

/* 3 filters x 4 vectors of positions make 12 accumulators, beside 3 weights and an input. 28x28x1 -> 3: 76 %,
 * 12x12x3 -> 6: 70 %, 12x12x6 -> 16: 86 %, 12x12x32 -> 64: 94 %.
 *
 * TILE(vectors, filters) */
enum { NHWC_CONV2D_FORWARD_FILTERS = 3, NHWC_CONV2D_FORWARD_VECTORS = 8 };
#define NHWC_CONV2D_FORWARD_TILES(TILE) TILES_1_2_4_8(TILE, 1) TILES_1_2_4(TILE, 2) TILES_1_2_4(TILE, 3)

/* WEAVE(filters) */
enum { NHWC_CONV2D_FORWARD_WOVEN = 4 };
#define NHWC_CONV2D_FORWARD_WEAVES(WEAVE) WEAVE(1) WEAVE(2) WEAVE(3) WEAVE(4)

/* 2 images x 5 slots, or 1 x 10, make 10 accumulators. 28x28x1 -> 3: 18 %, 12x12x3 -> 6: 44 %, 12x12x6 -> 16: 66 %,
 * 12x12x32 -> 64: 90 %.
 *
 * TILE(slots, images) */
enum { NHWC_CONV2D_BACKWARD_DATA_IMAGES = 2, NHWC_CONV2D_BACKWARD_DATA_SLOTS = 10 };
#define NHWC_CONV2D_BACKWARD_DATA_TILES(TILE) TILES_TO_10(TILE, 1) TILES_TO_5(TILE, 2)

/* 2 filters x 5 kernel rows or 1 x 5 x 2 vectors make 10 accumulators. 28x28x1 -> 3: 46 %, as 5 of 8 lanes are in use;
 * 12x12x3 -> 6: 58 %, 12x12x6 -> 16: 60 %, 12x12x32 -> 64: 70 %.
 *
 * TILE(filters, vectors) */
#define NHWC_CONV2D_BACKWARD_WEIGHTS_TILES(TILE) TILES_1_2(TILE, 1) TILE(1, 2)

/* 8 rows x 1 vector, 4 x 2, 4 x 3 or 2 x 4 make up to 12 accumulators. Forward, data, weights: 96 -> 84 86, 74 and 82
 * %; 84 -> 10 52, 44 and 50 %. One image, 96 -> 84: forward 38 %.
 *
 * TILE(rows, vectors) */
enum { NHWC_DENSE_ROWS = 8, NHWC_DENSE_VECTORS = 4 };
#define NHWC_DENSE_TILES(TILE) TILES_1_2_4_8(TILE, 1) TILES_1_2_4(TILE, 2) TILES_1_2_4(TILE, 3) TILES_1_2(TILE, 4)

/* ---- NCHW16C ---------------------------------------------------------------------------------------------------- */

/* 6 elements x 1 block are 12 sums, beside 2 vectors of weights and a broadcast number. 12 multiply-adds take 8 loads,
 * so the FMA pipes bound it. The gradient of the weights is alike, with dy in the place of weights.
 *
 * The most elements for each number of blocks; TILE(elements, blocks) */
enum { NCHW16C_TILE_BLOCKS = 1, NCHW16C_TILE_ELEMENTS = 6 };
#define NCHW16C_CONV2D_MOST                                                                                            \
    { 0, 6 }
#define NCHW16C_CONV2D_TILES(TILE) TILES_TO_6(TILE, 1)
#define NCHW16C_CONV2D_WEIGHTS_MOST NCHW16C_CONV2D_MOST
#define NCHW16C_CONV2D_WEIGHTS_TILES NCHW16C_CONV2D_TILES

/* ---- The machine ------------------------------------------------------------------------------------------------ */

enum { PEAK_CHAINS = 8 };

#endif
