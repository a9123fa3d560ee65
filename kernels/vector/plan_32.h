/* The register plans of the tiers that have 32 registers, AVX-512 and NEON, and what bounds each kernel.
 *
 * Shares are of the FMA peak of AVX-512 on one core of a Zen 5 (gcc 12, one block or 16 images), with multiply-adds
 * counted densely. Kernels are 5x5; "12x12x3 -> 6" names input extents, channels and filters. */
#ifndef CVY_VECTOR_PLAN_32_H
#define CVY_VECTOR_PLAN_32_H

/* ---- HWC16N ----------------------------------------------------------------------------------------------------- */

/* 2 x 4 outputs x 3 filters or 2 x 2 x 6 make 24 accumulators. Beside them stand the tap's weights and one input
 * vector, which v_keep holds: gcc would load it again for every filter, and loads would bound the kernel. A tap of 24
 * multiply-adds takes 10 or 11 loads, so the FMA pipes bound it.
 *
 * 28x28x1 -> 3: 90 %, 12x12x3 -> 6: 95 %, 12x12x6 -> 16: 97 %. Fused with silu and pool 61, 83 and 90 %: choosing from
 * a window (21 operations), its argmax (7) and silu with its derivative (25 and a division) take 20 to 25 cycles on the
 * same pipes. Tried, and slower: pooling between the next tile's kernel rows (no registers are left), choosing and
 * activating a group of windows in one pass, activating the whole block at the end.
 *
 * TILE(columns, filters) */
enum { CONV2D_FORWARD_FILTERS = 6 };
#define CONV2D_FORWARD_TILES(TILE)                                                                                     \
    TILES_1_2_4_8(TILE, 1)                                                                                             \
    TILES_1_2_4(TILE, 2) TILES_1_2_4(TILE, 3) TILES_1_2(TILE, 4) TILES_1_2(TILE, 5) TILES_1_2(TILE, 6)

/* 2 x 4 inputs x 3 channels or 2 x 2 x 6 make 24 accumulators, beside a weight per channel and one vector of dy. Away
 * from the border the FMA pipes bound it: 10 or 11 loads for 24 multiply-adds. Near the border some parts of a tile
 * have fewer than the 8 independent chains that two pipes of latency 4 need. 12x12x3 <- 6: 89 %, 12x12x6 <- 16: 95 %.
 *
 * TILE(columns, channels) */
enum { CONV2D_BACKWARD_DATA_CHANNELS = 6 };
#define CONV2D_BACKWARD_DATA_TILES(TILE) TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6)

/* 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators, which share each load of the image.
 * 12x12x3 -> 6: 84 %, 12x12x6 -> 16: 77 %.
 *
 * TILE(filters, vectors) */
enum { WEIGHT_TILE_FILTERS = 4, WEIGHT_TILE_VECTORS = 2 };
#define CONV2D_BACKWARD_WEIGHTS_TILES(TILE) TILES_1_2_4(TILE, 1) TILES_1_2(TILE, 2)

/* 2 tiles of 2 x 2 inputs x 3 channels, or 1 x 6 channels, make 24 accumulators. Beside them stand the table's row of a
 * channel, a vector of dy, the argmax and the chosen weights of one input. There are as many permutations as
 * multiply-adds, and they share three pipes.
 *
 * TILE(tiles, channels) */
enum { CONV2D_MAXPOOL_BACKWARD_DATA_CHANNELS = 6 };
#define CONV2D_MAXPOOL_BACKWARD_DATA_TILES(TILE)                                                                       \
    TILES_1_2(TILE, 1) TILES_1_2(TILE, 2) TILES_1_2(TILE, 3) TILE(1, 4) TILE(1, 5) TILE(1, 6)

/* In lanes: 5 kernel rows x 3 columns make 15 accumulators, beside the 3 choices of the row above, two inputs and dy.
 * Selections and multiply-adds share four pipes; 15 multiply-adds take 33 selections and 26 loads.
 *
 * TILE(rows, columns) */
enum { CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS = 5, CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS = 3 };
#define CONV2D_MAXPOOL_BACKWARD_WEIGHTS_TILES(TILE) TILES_TO_5(TILE, 1) TILES_TO_5(TILE, 2) TILES_TO_5(TILE, 3)

/* Image by image: 6 filters x 5 kernel rows or 3 x 5 x 2 vectors make 30 accumulators, with the load folded into the
 * multiply-add. This becomes the faster plan somewhere between 30 and 80 floats a kernel row.
 *
 * TILE(filters, vectors) */
enum { ARGMAX_ROWS_FROM = 48, ARGMAX_ROWS_FILTERS = 6, ARGMAX_ROWS_VECTORS = 2 };
#define ARGMAX_ROWS_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(6, 1) TILE(1, 2) TILE(2, 2) TILE(3, 2)

/* 4 inputs x 6 vectors of units, or 28 x 1. 96 -> 84: 78 %; 84 -> 10: 42 %, as 10 units fill 10 of 16 lanes.
 *
 * TILE(inputs, vectors) */
enum { DENSE_BACKWARD_WEIGHTS_INPUTS = 28, DENSE_BACKWARD_WEIGHTS_VECTORS = 6 };
#define DENSE_BACKWARD_WEIGHTS_TILES(TILE)                                                                             \
    TILES_1_2_4_8(TILE, 1)                                                                                             \
    TILE(16, 1)                                                                                                        \
    TILE(24, 1)                                                                                                        \
    TILE(28, 1)                                                                                                        \
    TILES_1_2_4_8(TILE, 2)                                                                                             \
    TILE(12, 2) TILES_1_2_4_8(TILE, 3) TILES_1_2_4(TILE, 4) TILE(6, 4) TILES_1_2_4(TILE, 5) TILES_1_2_4(TILE, 6)

/* ---- NHWC ------------------------------------------------------------------------------------------------------- */

/* 3 filters x 8 vectors of positions, or 6 x 4, make 24 accumulators. A vector of a plane is loaded once a tap, and
 * half of these loads cross a cache line. The FMA pipes bound the tiles; making planes and weaving the results take the
 * rest of the time, the more the fewer the filters. 28x28x1 -> 3: 62 %, 12x12x3 -> 6: 52 %, 12x12x6 -> 16: 80 %,
 * 12x12x32 -> 64: 94 %.
 *
 * TILE(vectors, filters) */
enum { NHWC_CONV2D_FORWARD_FILTERS = 6, NHWC_CONV2D_FORWARD_VECTORS = 8 };
#define NHWC_CONV2D_FORWARD_TILES(TILE)                                                                                \
    TILES_1_2_4_8(TILE, 1)                                                                                             \
    TILES_1_2_4_8(TILE, 2) TILES_1_2_4_8(TILE, 3) TILES_1_2_4(TILE, 4) TILES_1_2_4(TILE, 5) TILES_1_2_4(TILE, 6)

/* 4 images x 5 slots make 20 accumulators, which share each load of the weights; one image has 10. With few filters the
 * loads and stores of dx bound it. 28x28x1 -> 3: 8 %, as only 5 lanes of a slot are in use; 12x12x3 -> 6: 42 %,
 * 12x12x6 -> 16: 67 %, 12x12x32 -> 64: 92 %. One image: 6, 21, 38 and 70 %, as it waits for what it has just stored.
 *
 * TILE(slots, images) */
enum { NHWC_CONV2D_BACKWARD_DATA_IMAGES = 4, NHWC_CONV2D_BACKWARD_DATA_SLOTS = 10 };
#define NHWC_CONV2D_BACKWARD_DATA_TILES(TILE) TILES_TO_10(TILE, 1) TILES_TO_5(TILE, 2) TILES_TO_5(TILE, 4)

/* 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators, which share each load of the field. What bounds
 * it is how many lanes a kernel row fills: 5 of 16 with one channel, 15 with three. 28x28x1 -> 3: 27 %,
 * 12x12x3 -> 6: 83 %, 12x12x6 -> 16: 73 %, 12x12x32 -> 64: 86 %.
 *
 * TILE(filters, vectors) */
#define NHWC_CONV2D_BACKWARD_WEIGHTS_TILES(TILE) TILES_TO_4(TILE, 1) TILES_1_2(TILE, 2)

/* 8 rows x 3 vectors or 4 x 6 make 24 accumulators. Forward, data, weights: 96 -> 84 82, 60 and 74 %; 84 -> 10 41, 21
 * and 34 %, as 10 of 16 lanes are in use. One image, 96 -> 84: forward 34 %, as the weights are loaded for it alone;
 * data 8 %, as transposing the weights takes longer than the sums.
 *
 * TILE(rows, vectors) */
enum { NHWC_DENSE_ROWS = 8, NHWC_DENSE_VECTORS = 6 };
#define NHWC_DENSE_TILES(TILE)                                                                                         \
    TILES_1_2_4_8(TILE, 1)                                                                                             \
    TILES_1_2_4_8(TILE, 2) TILES_1_2_4_8(TILE, 3) TILES_1_2_4(TILE, 4) TILES_1_2_4(TILE, 5) TILES_1_2_4(TILE, 6)

#endif
