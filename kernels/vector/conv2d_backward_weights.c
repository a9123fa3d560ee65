/* Convolution backward to the weights; see weight_tiles.h. */
#include "bias_gradient.h"
#include "tier.h"
#include "weight_tiles.h"

enum { DY_FILTER = CVY_LANES }; /* in HWC16N */

WEIGHT_TILES(CONV2D_BACKWARD_WEIGHTS_TILES)

/* The most filters, up to `left`, that a tile with so many vectors holds. */
static inline int tile_filters(int vectors, int left) {
    int filters = least(left, WEIGHT_TILE_FILTERS);
    while (!tiles[filters][vectors][1])
        filters--;
    return filters;
}

void KERNEL(conv2d_backward_weights_hwc16n)(const cvy_conv2d_shape *shape, const float *images, const float *dy,
                                            float *dweights, float *dbias) {
    assert(cvy_is_conv2d(shape) && cvy_is_strided_image(&shape->input));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    const field_strides strides = {
        .images = CVY_LANES,
        .rows = shape->output_height,
        .columns = shape->output_width,
        .image = shape->input.image,
        .kernel_row = shape->input.row,
        .field_row = (size_t)shape->stride_y * shape->input.row,
        .field_column = (size_t)shape->stride_x * shape->input.channels,
        .dy_image = 1,
        .dy_output = (size_t)shape->filters * CVY_LANES,
    };
    run_weight_tiles(shape, tiles, tile_filters, DY_FILTER, &strides, images, dy, dweights);
    if (dbias)
        bias_gradient(strides.rows * strides.columns, shape->filters, dy, dbias);
}
