/* AVX-512: convolution backward to the weights. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { TILE_FILTERS = 6, TILE_KERNEL_ROWS = 5, TILE_VECTORS = 2, ALIGN_FROM = 4 };
#define WEIGHT_TILES(TILE)                                                                                             \
    TILE(all, 1, 1)                                                                                                    \
    TILE(all, 2, 1) TILE(all, 4, 1) TILE(all, 1, 2) TILE(all, 2, 2) TILE(winners, 1, 1) TILE(winners, 2, 1)            \
        TILE(winners, 3, 1) TILE(winners, 6, 1) TILE(winners, 1, 2) TILE(winners, 2, 2) TILE(winners, 3, 2)            \
            TILE(aligned, 1, 1) TILE(aligned, 2, 1) TILE(aligned, 3, 1) TILE(aligned, 6, 1)
#define OWN_WINNERS narrow_winners

#include "../contract.h"
#include "../template/tile.h"
#include "narrow_winners.h"

#include "../template/conv2d_backward_weights.h"
