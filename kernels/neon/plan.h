/* NEON: the register plans. 32 registers of 4 floats. Run under an emulator so far, and not timed. */
#ifndef CVY_NEON_PLAN_H
#define CVY_NEON_PLAN_H

/* Vectors that an activation takes side by side. */
enum { ACTIVATION_VECTORS = 4 };

/* ---- HWC16N ----------------------------------------------------------------------------------------------------- */

/* 2 x 4 outputs x 3 filters or 2 x 2 x 6 make 24 accumulators, beside the tap's weights and one input vector.
 *
 * TILE(columns, filters) */
enum { CONV2D_FORWARD_FILTERS = 6 };
#define CONV2D_FORWARD_TILES(TILE)                                                                                     \
    TILES_1_2_4_8(TILE, 1)                                                                                             \
    TILES_1_2_4(TILE, 2) TILES_1_2_4(TILE, 3) TILES_1_2(TILE, 4) TILES_1_2(TILE, 5) TILES_1_2(TILE, 6)

/* 2 x 4 inputs x 3 channels or 2 x 2 x 6 make 24 accumulators, beside a weight per channel and one vector of dy.
 *
 * TILE(columns, channels) */
enum { CONV2D_BACKWARD_DATA_CHANNELS = 6 };
#define CONV2D_BACKWARD_DATA_TILES(TILE) TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6)

/* 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators.
 *
 * TILE(filters, vectors) */
enum { CONV2D_BACKWARD_WEIGHTS_FILTERS = 4, CONV2D_BACKWARD_WEIGHTS_VECTORS = 2 };
#define CONV2D_BACKWARD_WEIGHTS_TILES(TILE) TILES_1_2_4(TILE, 1) TILES_1_2(TILE, 2)

/* 2 tiles of 2 x 2 inputs x 3 channels, or 1 x 6 channels, make 24 accumulators.
 *
 * TILE(tiles, channels) */
enum { CONV2D_MAXPOOL_BACKWARD_DATA_CHANNELS = 6 };
#define CONV2D_MAXPOOL_BACKWARD_DATA_TILES(TILE)                                                                       \
    TILES_1_2(TILE, 1) TILES_1_2(TILE, 2) TILES_1_2(TILE, 3) TILE(1, 4) TILE(1, 5) TILE(1, 6)

/* In lanes: 5 kernel rows x 3 columns make 15 accumulators, beside the 3 choices of the row above, two inputs, two
 * masks and dy.
 *
 * TILE(rows, columns) */
enum { CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS = 5, CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS = 3 };
#define CONV2D_MAXPOOL_BACKWARD_WEIGHTS_TILES(TILE) TILES_TO_5(TILE, 1) TILES_TO_5(TILE, 2) TILES_TO_5(TILE, 3)

/* Image by image: 6 filters x 5 kernel rows or 3 x 5 x 2 vectors make 30 accumulators.
 *
 * TILE(filters, vectors) */
enum { ARGMAX_ROWS_FROM = 48, ARGMAX_ROWS_FILTERS = 6, ARGMAX_ROWS_VECTORS = 2 };
#define ARGMAX_ROWS_TILES(TILE) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(6, 1) TILE(1, 2) TILE(2, 2) TILE(3, 2)

/* 6 outputs x the 4 vectors of a block make 24 accumulators; a broadcast weight serves all four.
 *
 * TILE(outputs) */
enum { DENSE_OUTPUTS = 6 };
#define DENSE_TILES(TILE) TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)

/* 4 inputs x 6 vectors of units, or 28 x 1.
 *
 * TILE(inputs, vectors) */
enum { DENSE_BACKWARD_WEIGHTS_INPUTS = 28, DENSE_BACKWARD_WEIGHTS_VECTORS = 6 };
#define DENSE_BACKWARD_WEIGHTS_TILES(TILE)                                                                             \
    TILES_1_2_4_8(TILE, 1)                                                                                             \
    TILE(16, 1)                                                                                                        \
    TILE(24, 1) TILE(28, 1) TILES_1_2_4_8(TILE, 2) TILE(12, 2) TILES_1_2_4_8(TILE, 3) TILES_1_2_4(TILE, 4) TILE(6, 4)  \
        TILES_1_2_4(TILE, 5) TILES_1_2_4(TILE, 6)

/* ---- NHWC ------------------------------------------------------------------------------------------------------- */

/* 3 filters x 8 vectors of positions, or 6 x 4, make 24 accumulators.
 *
 * TILE(vectors, filters) */
enum { NHWC_CONV2D_FORWARD_FILTERS = 6, NHWC_CONV2D_FORWARD_VECTORS = 8 };
#define NHWC_CONV2D_FORWARD_TILES(TILE)                                                                                \
    TILES_1_2_4_8(TILE, 1)                                                                                             \
    TILES_1_2_4_8(TILE, 2) TILES_1_2_4_8(TILE, 3) TILES_1_2_4(TILE, 4) TILES_1_2_4(TILE, 5) TILES_1_2_4(TILE, 6)

/* WEAVE(filters) */
enum { NHWC_CONV2D_FORWARD_WOVEN = 2 };
#define NHWC_CONV2D_FORWARD_WEAVES(WEAVE) WEAVE(1) WEAVE(2)

/* 4 images x 5 slots make 20 accumulators, which share each load of the weights; one image has 10.
 *
 * TILE(slots, images) */
enum { NHWC_CONV2D_BACKWARD_DATA_IMAGES = 4, NHWC_CONV2D_BACKWARD_DATA_SLOTS = 10 };
#define NHWC_CONV2D_BACKWARD_DATA_TILES(TILE) TILES_TO_10(TILE, 1) TILES_TO_5(TILE, 2) TILES_TO_5(TILE, 4)

/* 4 filters x 5 kernel rows or 2 x 5 x 2 vectors make 20 accumulators.
 *
 * TILE(filters, vectors) */
enum { NHWC_CONV2D_BACKWARD_WEIGHTS_FILTERS = 4, NHWC_CONV2D_BACKWARD_WEIGHTS_VECTORS = 2 };
#define NHWC_CONV2D_BACKWARD_WEIGHTS_TILES(TILE) TILES_TO_4(TILE, 1) TILES_1_2(TILE, 2)

/* 8 rows x 3 vectors or 4 x 6 make 24 accumulators.
 *
 * TILE(rows, vectors) */
enum { NHWC_DENSE_ROWS = 8, NHWC_DENSE_VECTORS = 6 };
#define NHWC_DENSE_TILES(TILE)                                                                                         \
    TILES_1_2_4_8(TILE, 1)                                                                                             \
    TILES_1_2_4_8(TILE, 2) TILES_1_2_4_8(TILE, 3) TILES_1_2_4(TILE, 4) TILES_1_2_4(TILE, 5) TILES_1_2_4(TILE, 6)

/* ---- NCHW16C ---------------------------------------------------------------------------------------------------- */

/* 6 elements x 1 block are 24 sums, beside 4 vectors of weights and a broadcast number: 24 multiply-adds for 10 loads.
 * The gradient of the weights is alike, with dy in the place of weights.
 *
 * The most elements for each number of blocks; TILE(elements, blocks) */
enum { NCHW16C_TILE_BLOCKS = 1, NCHW16C_TILE_ELEMENTS = 6 };
#define NCHW16C_CONV2D_MOST                                                                                            \
    { 0, 6 }
#define NCHW16C_CONV2D_TILES(TILE) TILES_TO_6(TILE, 1)
#define NCHW16C_CONV2D_WEIGHTS_MOST NCHW16C_CONV2D_MOST
#define NCHW16C_CONV2D_WEIGHTS_TILES NCHW16C_CONV2D_TILES

/* ---- The machine ------------------------------------------------------------------------------------------------ */

enum { PEAK_CHAINS = 16 };

#endif
