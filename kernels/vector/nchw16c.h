/* What the NCHW16C kernels share: extents, weights brought to whole blocks of 16, and the step of their tiles.
 *
 * Channels or filters fill the lanes: a block of 16 is BLOCK_VECTORS vectors. The last block of a layer may have fewer
 * than 16. Rather than mask each access to a row of weights that ends within a vector, the weights are copied once to
 * rows of whole blocks, the surplus lanes +0. What a tile computes in surplus lanes is overwritten with +0. */
#ifndef CVY_VECTOR_NCHW16C_H
#define CVY_VECTOR_NCHW16C_H

#include <string.h>

#include "tier.h"

enum { BLOCK = 16, BLOCK_VECTORS = BLOCK / VL };

static inline int blocks_of(int channels) {
    return (channels + BLOCK - 1) / BLOCK;
}

/* Floats of one image. */
static inline size_t image_floats(int height, int width, int channels) {
    return (size_t)blocks_of(channels) * BLOCK * height * width;
}

/* `rows` rows of `length` floats, each brought to whole blocks. */
static inline void pad_rows(size_t rows, int length, const float *from, float *to) {
    const int padded = blocks_of(length) * BLOCK;
    for (size_t i = 0; i < rows; i++, from += length, to += padded) {
        memcpy(to, from, (size_t)length * sizeof *to);
        memset(to + length, 0, (size_t)(padded - length) * sizeof *to);
    }
}

/* A tile of products: `elements` numbers, each broadcast, times `blocks` blocks of lanes. */
typedef V tile_sums[NCHW16C_TILE_ELEMENTS][NCHW16C_TILE_BLOCKS * BLOCK_VECTORS];

/* One step of every chain of the tile: the numbers lie `element` floats apart, the blocks `block` floats. */
TILE_BODY void multiply_add(const int elements, const int blocks, const float *numbers, const size_t element,
                            const float *lanes, const size_t block, tile_sums sum) {
    V row[NCHW16C_TILE_BLOCKS * BLOCK_VECTORS];
    UNROLL for (int v = 0; v < blocks * BLOCK_VECTORS; v++) row[v] =
        v_keep(v_load(lanes + v / BLOCK_VECTORS * block + v % BLOCK_VECTORS * VL));
    UNROLL for (int e = 0; e < elements; e++) {
        const V number = v_set1(numbers[e * element]);
        UNROLL for (int v = 0; v < blocks * BLOCK_VECTORS; v++) sum[e][v] = v_fma(number, row[v], sum[e][v]);
    }
}

/* The tile's sums from memory and back: elements `element` floats apart, blocks `block` floats. */
TILE_BODY void load_sums(const int elements, const int blocks, const float *from, const size_t element,
                         const size_t block, tile_sums sum) {
    UNROLL for (int e = 0; e < elements; e++) UNROLL for (int v = 0; v < blocks * BLOCK_VECTORS; v++) sum[e][v] =
        v_load(from + e * element + v / BLOCK_VECTORS * block + v % BLOCK_VECTORS * VL);
}

TILE_BODY void store_sums(const int elements, const int blocks, tile_sums sum, const size_t element, const size_t block,
                          float *to) {
    UNROLL for (int e = 0; e < elements; e++) UNROLL for (int v = 0; v < blocks * BLOCK_VECTORS; v++)
        v_store(to + e * element + v / BLOCK_VECTORS * block + v % BLOCK_VECTORS * VL, sum[e][v]);
}

#endif
