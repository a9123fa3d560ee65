/* Dense layers: forward, backward to the data and to the weights.
 *
 * Forward and backward to the data keep a tile of outputs, all 16 lanes, in registers over all inputs. Each step loads
 * an input's vectors and broadcasts one weight an output. Backward to the weights puts the units into the lanes: dy is
 * transposed to one row an image in the scratch, and a tile of inputs x vectors of units stays in registers over the 16
 * images. */
#include "tier.h"
#include "transpose.h"

enum { GROUPS = CVY_LANES / VL }; /* vectors of a block's 16 lanes */

/* ---- Forward, and backward to the data -------------------------------------------------------------------------- */

/* sum[k] += the chain over `count` vectors of `in`, whose weights for output k are weights[k * stride + i * step]. Four
 * outputs share a pointer, so that strides known only at run time need few registers. */
TILE_BODY void accumulate(const int outputs, int count, const float *in, const float *weights, ptrdiff_t stride,
                          ptrdiff_t step, V sum[DENSE_OUTPUTS][GROUPS]) {
    const float *from[(DENSE_OUTPUTS + 3) / 4];
    UNROLL for (int k = 0; k < outputs; k += 4) from[k / 4] = weights + k * stride;
    for (int i = 0; i < count; i++, in += CVY_LANES) {
        V input[GROUPS];
        UNROLL for (int g = 0; g < GROUPS; g++) input[g] = v_load(in + g * VL);
        UNROLL for (int k = 0; k < outputs; k++) {
            const V weight = v_set1(from[k / 4][k % 4 * stride]);
            UNROLL for (int g = 0; g < GROUPS; g++) sum[k][g] = v_fma(input[g], weight, sum[k][g]);
        }
        UNROLL for (int k = 0; k < outputs; k += 4) from[k / 4] += step;
    }
}

typedef void forward_fn(const cvy_dense_shape *shape, const float *x, const float *weights, const float *bias,
                        float *y);
typedef void data_fn(const cvy_dense_shape *shape, const float *dy, const float *weights, const float *derivative,
                     float *dx);

#define TILE(outputs, lanes)                                                                                           \
    static void forward_##outputs##x##lanes(const cvy_dense_shape *shape, const float *x, const float *weights,        \
                                            const float *bias, float *y) {                                             \
        V sum[DENSE_OUTPUTS][GROUPS];                                                                                  \
        UNROLL for (int k = 0; k < outputs; k++) UNROLL for (int g = 0; g < GROUPS; g++) sum[k][g] =                   \
            bias ? v_set1(bias[k]) : v_zero();                                                                         \
        accumulate(outputs, shape->inputs, x, weights, 1, shape->units, sum);                                          \
        UNROLL for (int k = 0; k < outputs; k++) UNROLL for (int g = 0; g < GROUPS; g++)                               \
            v_store(y + k * CVY_LANES + g * VL, sum[k][g]);                                                            \
    }                                                                                                                  \
    static void data_##outputs##x##lanes(const cvy_dense_shape *shape, const float *dy, const float *weights,          \
                                         const float *derivative, float *dx) {                                         \
        V sum[DENSE_OUTPUTS][GROUPS];                                                                                  \
        UNROLL for (int k = 0; k < outputs; k++) UNROLL for (int g = 0; g < GROUPS; g++) sum[k][g] = v_zero();         \
        accumulate(outputs, shape->units, dy, weights, shape->units, 1, sum);                                          \
        UNROLL for (int k = 0; k < outputs; k++) UNROLL for (int g = 0; g < GROUPS; g++) {                             \
            const int at = k * CVY_LANES + g * VL;                                                                     \
            v_store(dx + at, derivative ? v_mul(sum[k][g], v_load(derivative + at)) : sum[k][g]);                      \
        }                                                                                                              \
    }
DENSE_TILES(TILE)
#undef TILE

static forward_fn *const forward_tiles[DENSE_OUTPUTS + 1] = {
#define TILE(outputs, lanes) [outputs] = forward_##outputs##x##lanes,
    DENSE_TILES(TILE)
#undef TILE
};

static data_fn *const data_tiles[DENSE_OUTPUTS + 1] = {
#define TILE(outputs, lanes) [outputs] = data_##outputs##x##lanes,
    DENSE_TILES(TILE)
#undef TILE
};

void KERNEL(dense_forward_hwc16n)(const cvy_dense_shape *shape, const float *x, const float *weights, const float *bias,
                                  float *y) {
    assert(cvy_is_dense(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    for (int u = 0, outputs; u < shape->units; u += outputs) {
        outputs = tile_extent(shape->units - u, DENSE_OUTPUTS);
        forward_tiles[outputs](shape, x, weights + u, bias ? bias + u : NULL, y + (size_t)u * CVY_LANES);
    }
}

void KERNEL(dense_backward_data_hwc16n)(const cvy_dense_shape *shape, const float *dy, const float *weights,
                                        const float *derivative, float *dx) {
    assert(cvy_is_dense(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    for (int i = 0, outputs; i < shape->inputs; i += outputs) {
        outputs = tile_extent(shape->inputs - i, DENSE_OUTPUTS);
        const size_t at = (size_t)i * CVY_LANES;
        data_tiles[outputs](shape, dy, weights + (size_t)i * shape->units, derivative ? derivative + at : NULL,
                            dx + at);
    }
}

/* ---- Backward to the weights ------------------------------------------------------------------------------------ */

typedef void weights_fn(const float *x, const float *dy, size_t dy_image, int units, size_t row, float *dweights);

/* dweights[k][u] for inputs k and as many units as the vectors hold, or `units` are left; dy is image by image. */
TILE_BODY void weights_tile(const int inputs, const int vectors, const float *x, const float *dy, size_t dy_image,
                            int units, size_t row, float *dweights) {
    V sum[DENSE_BACKWARD_WEIGHTS_INPUTS][DENSE_BACKWARD_WEIGHTS_VECTORS];
    UNROLL for (int k = 0; k < inputs; k++) UNROLL for (int v = 0; v < vectors; v++) sum[k][v] = v_zero();
    for (int l = 0; l < CVY_LANES; l++, x++, dy += dy_image) {
        V gradient[DENSE_BACKWARD_WEIGHTS_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) gradient[v] = v_load(dy + v * VL);
        UNROLL for (int k = 0; k < inputs; k++) {
            const V input = v_set1(x[k * CVY_LANES]);
            UNROLL for (int v = 0; v < vectors; v++) sum[k][v] = v_fma(input, gradient[v], sum[k][v]);
        }
    }
    const int last = units - (vectors - 1) * VL;
    UNROLL for (int k = 0; k < inputs; k++) {
        UNROLL for (int v = 0; v < vectors - 1; v++) v_storeu(dweights + k * row + v * VL, sum[k][v]);
        float *to = dweights + k * row + (vectors - 1) * VL;
        if (last >= VL)
            v_storeu(to, sum[k][vectors - 1]);
        else
            v_store_first(to, sum[k][vectors - 1], last);
    }
}

#define TILE(inputs, vectors)                                                                                          \
    static void weights_##inputs##x##vectors(const float *x, const float *dy, size_t dy_image, int units, size_t row,  \
                                             float *dweights) {                                                        \
        weights_tile(inputs, vectors, x, dy, dy_image, units, row, dweights);                                          \
    }
DENSE_BACKWARD_WEIGHTS_TILES(TILE)
#undef TILE

static weights_fn *const weights_tiles[DENSE_BACKWARD_WEIGHTS_VECTORS + 1][DENSE_BACKWARD_WEIGHTS_INPUTS + 1] = {
#define TILE(inputs, vectors) [vectors][inputs] = weights_##inputs##x##vectors,
    DENSE_BACKWARD_WEIGHTS_TILES(TILE)
#undef TILE
};

/* The most inputs, up to `left`, that a tile with so many vectors holds. */
static inline int tile_inputs(int vectors, int left) {
    int inputs = least(left, DENSE_BACKWARD_WEIGHTS_INPUTS);
    while (!weights_tiles[vectors][inputs])
        inputs--;
    return inputs;
}

/* dbias[u] over the images in order, dy being image by image. */
static void bias_gradient(int units, const float *dy, size_t dy_image, float *dbias) {
    for (int u = 0; u < units; u += VL) {
        V sum = v_zero();
        for (int l = 0; l < CVY_LANES; l++)
            sum = v_add(sum, v_load(dy + l * dy_image + u));
        v_store_first(dbias + u, sum, least(VL, units - u));
    }
}

void KERNEL(dense_backward_weights_hwc16n)(const cvy_dense_shape *shape, const float *x, const float *dy,
                                           float *dweights, float *dbias, float *scratch) {
    assert(cvy_is_dense(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(dy) && cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    assert(cvy_is_aligned(scratch));
    const int units = shape->units;
    const size_t dy_image = (size_t)(units + CVY_LANES - 1) / CVY_LANES * CVY_LANES;
    lanes_to_rows(units, dy, dy_image, scratch);
    for (int u = 0, vectors; u < units; u += vectors * VL) {
        vectors = tile_extent((units - u + VL - 1) / VL, DENSE_BACKWARD_WEIGHTS_VECTORS);
        for (int i = 0, inputs; i < shape->inputs; i += inputs) {
            inputs = tile_inputs(vectors, shape->inputs - i);
            weights_tiles[vectors][inputs](x + (size_t)i * CVY_LANES, scratch + u, dy_image, units - u, units,
                                           dweights + (size_t)i * units + u);
        }
    }
    if (dbias)
        bias_gradient(units, scratch, dy_image, dbias);
}
