/* NEON: convolution backward to the data in NHWC.
 *
 * Registers: 4 images x 5 slots make 20 accumulators, which share each load of the weights; one image 10. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

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
