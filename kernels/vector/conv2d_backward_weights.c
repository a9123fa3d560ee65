/* Convolution backward to the weights.
 *
 * In NHWC a kernel row of a field, kernel width * channels floats, lies contiguous: it is loaded as vectors, unaligned,
 * and multiplied with the output's gradient, which is broadcast. A tile of filters x kernel rows x vectors of
 * accumulators stays in registers over all 16 images and all their outputs; the last vector of a row may reach past
 * the row, its surplus lanes are never stored. */
#include "bias_gradient.h"
#include "kernel_rows.h"
#include "tier.h"

/* The outputs of one image, in order. */
typedef struct field_strides {
    int rows, columns; /* of outputs */
    int filters;
    size_t image;                   /* floats from an image to the next */
    size_t kernel_row;              /* and from a field's row to the next */
    size_t field_row, field_column; /* to the field of the next output row, column */
} field_strides;

typedef V tile_sums[CONV2D_BACKWARD_WEIGHTS_FILTERS][KERNEL_ROWS][CONV2D_BACKWARD_WEIGHTS_VECTORS];

/* The filters of an output share its field. */
TILE_BODY void accumulate(const int filters, const int rows, const int vectors, const field_strides *strides,
                          const float *images, const float *dy, tile_sums sum) {
    const size_t kernel_row = strides->kernel_row, step = (size_t)strides->filters * CVY_LANES;
    for (int l = 0; l < CVY_LANES; l++, images += strides->image) {
        const float *gradient = dy + l, *field_row = images;
        for (int oy = 0; oy < strides->rows; oy++, field_row += strides->field_row) {
            const float *field = field_row;
            for (int ox = 0; ox < strides->columns; ox++, field += strides->field_column, gradient += step) {
                V g[CONV2D_BACKWARD_WEIGHTS_FILTERS];
                UNROLL for (int f = 0; f < filters; f++) g[f] = v_set1(gradient[f * CVY_LANES]);
                UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
                    const V input = v_keep(v_loadu(field + k * kernel_row + v * VL));
                    UNROLL for (int f = 0; f < filters; f++) sum[f][k][v] = v_fma(g[f], input, sum[f][k][v]);
                }
            }
        }
    }
}

/* Where a tile's sums go: dweights[k][i][f] for kernel rows k and the `row` floats i of each. */
typedef struct weight_target {
    float *dweights;
    int row, filters;  /* extents: i < row, and the stride of i */
    size_t kernel_row; /* stride of k */
} weight_target;

TILE_BODY void store_sums(const int filters, const int rows, const int vectors, const weight_target *target,
                          tile_sums sum) {
    float lanes[CONV2D_BACKWARD_WEIGHTS_FILTERS][VL];
    UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
        UNROLL for (int f = 0; f < filters; f++) v_storeu(lanes[f], v_add(sum[f][k][v], v_zero()));
        float *to = target->dweights + k * target->kernel_row + (size_t)v * VL * target->filters;
        for (int i = 0; i < least(VL, target->row - v * VL); i++, to += target->filters)
            UNROLL for (int f = 0; f < filters; f++) to[f] = lanes[f][i];
    }
}

typedef void tile_fn(const field_strides *strides, const float *images, const float *dy, const weight_target *target);

#define TILE(filters, rows, vectors)                                                                                   \
    static void tile_##filters##x##rows##x##vectors(const field_strides *strides, const float *images,                 \
                                                    const float *dy, const weight_target *target) {                    \
        tile_sums sum;                                                                                                 \
        UNROLL for (int f = 0; f < filters; f++) UNROLL for (int k = 0; k < rows; k++)                                 \
            UNROLL for (int v = 0; v < vectors; v++) sum[f][k][v] = v_zero();                                          \
        accumulate(filters, rows, vectors, strides, images, dy, sum);                                                  \
        store_sums(filters, rows, vectors, target, sum);                                                               \
    }
#define TILES_OF(filters, vectors) OF_EACH_ROWS(TILE, filters, vectors)
CONV2D_BACKWARD_WEIGHTS_TILES(TILES_OF)
#undef TILES_OF
#undef TILE

/* By filters, vectors, kernel rows. */
static tile_fn *const tiles[CONV2D_BACKWARD_WEIGHTS_FILTERS + 1][CONV2D_BACKWARD_WEIGHTS_VECTORS + 1][KERNEL_ROWS + 1] =
    {
#define ROW_OF(filters, vectors) BY_ROWS(tile, filters, vectors)
        CONV2D_BACKWARD_WEIGHTS_TILES(ROW_OF)
#undef ROW_OF
};

/* The most filters, up to `left`, that a tile with so many vectors holds. */
static inline int tile_filters(int vectors, int left) {
    int filters = least(left, CONV2D_BACKWARD_WEIGHTS_FILTERS);
    while (!tiles[filters][vectors][1])
        filters--;
    return filters;
}

static void backward_weights(const cvy_conv2d_shape *shape, const field_strides *strides, const float *images,
                             const float *dy, float *dweights) {
    const int row = shape->kernel_width * shape->input.channels;
    weight_target target = {.filters = shape->filters, .kernel_row = (size_t)row * shape->filters};
    for (int i = 0, vectors; i < row; i += vectors * VL) {
        vectors = least(CONV2D_BACKWARD_WEIGHTS_VECTORS, (row - i + VL - 1) / VL);
        target.row = row - i;
        for (int ky = 0, rows; ky < shape->kernel_height; ky += rows) {
            rows = tile_extent(shape->kernel_height - ky, KERNEL_ROWS);
            for (int f = 0, filters; f < shape->filters; f += filters) {
                filters = tile_filters(vectors, shape->filters - f);
                target.dweights = dweights + ky * target.kernel_row + (size_t)i * shape->filters + f;
                tiles[filters][vectors][rows](strides, images + ky * strides->kernel_row + i,
                                              dy + (size_t)f * CVY_LANES, &target);
            }
        }
    }
}

void KERNEL(conv2d_backward_weights_hwc16n)(const cvy_conv2d_shape *shape, const float *images, const float *dy,
                                            float *dweights, float *dbias) {
    assert(cvy_is_conv2d(shape) && cvy_is_strided_image(&shape->input));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    const field_strides strides = {
        .rows = shape->output_height,
        .columns = shape->output_width,
        .filters = shape->filters,
        .image = shape->input.image,
        .kernel_row = shape->input.row,
        .field_row = (size_t)shape->stride_y * shape->input.row,
        .field_column = (size_t)shape->stride_x * shape->input.channels,
    };
    backward_weights(shape, &strides, images, dy, dweights);
    if (dbias)
        bias_gradient(strides.rows * strides.columns, shape->filters, dy, dbias);
}
