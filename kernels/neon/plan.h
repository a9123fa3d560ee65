/* NEON: 32 registers of 4 floats. Run under an emulator so far, and not timed. The other plans are in vector/plan_32.h.
 */
#ifndef CVY_NEON_PLAN_H
#define CVY_NEON_PLAN_H

#include "../vector/plan_32.h"

/* Vectors that an activation takes side by side. */
enum { ACTIVATION_VECTORS = 4 };

/* Dense: 6 outputs x the 4 vectors of a block make 24 accumulators; a broadcast weight serves all four.
 *
 * TILE(outputs, lanes) */
enum { DENSE_OUTPUTS = 6 };
#define DENSE_TILES(TILE) TILES_TO_6(TILE, 16)

/* NHWC forward: WEAVE(filters) */
enum { NHWC_CONV2D_FORWARD_WOVEN = 2 };
#define NHWC_CONV2D_FORWARD_WEAVES(WEAVE) WEAVE(1) WEAVE(2)

/* NCHW16C: 6 elements x 1 block are 24 sums, beside 4 vectors of weights and a broadcast number: 24 multiply-adds for
 * 10 loads. The gradient of the weights is alike, with dy in the place of weights.
 *
 * The most elements for each number of blocks; TILE(elements, blocks) */
enum { NCHW16C_TILE_BLOCKS = 1, NCHW16C_TILE_ELEMENTS = 6 };
#define NCHW16C_CONV2D_MOST                                                                                            \
    { 0, 6 }
#define NCHW16C_CONV2D_TILES(TILE) TILES_TO_6(TILE, 1)
#define NCHW16C_CONV2D_WEIGHTS_MOST NCHW16C_CONV2D_MOST
#define NCHW16C_CONV2D_WEIGHTS_TILES NCHW16C_CONV2D_TILES

enum { PEAK_CHAINS = 16 };

#endif
