/* Convolution backward to the weights in NHWC; see weight_tiles.h. */
#include "tier.h"
#include "weight_tiles.h"

enum { DY_FILTER = 1 };

WEIGHT_TILES(NHWC_CONV2D_BACKWARD_WEIGHTS_TILES)

/* How many of the `left` filters the next tile with so many vectors takes: as even as there are tiles for. */
static inline int tile_filters(int vectors, int left) {
    int most = WEIGHT_TILE_FILTERS;
    while (!tiles[most][vectors][1])
        most--;
    int filters = tile_extent(left, most);
    while (!tiles[filters][vectors][1])
        filters--;
    return filters;
}

/* VL filters' sums over the outputs of images n to n + 7, or of those there are: an image's chain waits for itself, so
 * eight go side by side. */
enum { BIAS_IMAGES = 8 };

static inline void bias_sums(int images, size_t outputs, size_t filters, const float *dy, V sums[BIAS_IMAGES]) {
    const size_t image = outputs * filters;
    if (images == BIAS_IMAGES) {
        UNROLL for (int n = 0; n < BIAS_IMAGES; n++) sums[n] = v_zero();
        for (size_t p = 0; p < outputs; p++, dy += filters)
            UNROLL for (int n = 0; n < BIAS_IMAGES; n++) sums[n] = v_add(sums[n], v_loadu(dy + n * image));
        return;
    }
    for (int n = 0; n < images; n++, dy += image) {
        sums[n] = v_zero();
        for (size_t p = 0; p < outputs; p++)
            sums[n] = v_add(sums[n], v_loadu(dy + p * filters));
    }
    for (int n = images; n < BIAS_IMAGES; n++)
        sums[n] = v_zero();
}

/* The fold over the images, 16 -> 8 -> 4 -> 2 -> 1. */
static void bias_gradient(int images, size_t outputs, int filters, const float *dy, float *dbias) {
    for (int f = 0; f < filters; f += VL) {
        V low[BIAS_IMAGES], high[BIAS_IMAGES];
        bias_sums(least(images, BIAS_IMAGES), outputs, filters, dy + f, low);
        bias_sums(greatest(images - BIAS_IMAGES, 0), outputs, filters, dy + f + BIAS_IMAGES * outputs * filters, high);
        UNROLL for (int n = 0; n < BIAS_IMAGES; n++) low[n] = v_add(low[n], high[n]);
        for (int half = BIAS_IMAGES / 2; half >= 1; half /= 2)
            for (int n = 0; n < half; n++)
                low[n] = v_add(low[n], low[n + half]);
        v_store_first(dbias + f, low[0], least(VL, filters - f));
    }
}

void KERNEL(conv2d_backward_weights_nhwc)(const cvy_conv2d_shape *shape, int32_t count, const float *x, const float *dy,
                                          float *dweights, float *dbias) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    const field_strides strides = {
        .images = count,
        .rows = shape->output_height,
        .columns = shape->output_width,
        .image = shape->input.image,
        .field_row = (size_t)shape->stride_y * shape->input.row,
        .field_column = (size_t)shape->stride_x * shape->input.channels,
        .kernel_row = shape->input.row,
        .dy_image = (size_t)shape->output_height * shape->output_width * shape->filters,
        .dy_output = shape->filters,
    };
    run_weight_tiles(shape, tiles, tile_filters, DY_FILTER, &strides, x, dy, dweights);
    if (dbias)
        bias_gradient(count, (size_t)strides.rows * strides.columns, shape->filters, dy, dbias);
}
