/* Gradients of a convolution's weights from images in NHWC, where a kernel row of a field is contiguous: kernel width *
 * channels floats, loaded as unaligned vectors and multiplied with the output's gradient, which is broadcast. A tile of
 * filters x kernel rows x vectors of accumulators stays in registers over all images and outputs. The last vector of a
 * row may reach past the row; its surplus lanes are never stored. */
#ifndef CVY_VECTOR_WEIGHT_TILES_H
#define CVY_VECTOR_WEIGHT_TILES_H

#include "kernel_rows.h"
#include "tier.h"

/* The outputs of all images, in order. Strides in floats. */
typedef struct field_strides {
    int images, rows, columns;      /* rows and columns of outputs */
    size_t image, kernel_row;       /* in the images: to the next image, to the next row of a field */
    size_t field_row, field_column; /* to the field of the next output row, column */
    size_t dy_image, dy_output;     /* in dy */
} field_strides;

/* Where a tile's sums go: dweights[k][i][f] for kernel rows k and the `row` floats i of each. */
typedef struct weight_target {
    float *dweights;
    int row, filters;  /* extents: i < row, and the stride of i */
    size_t kernel_row; /* stride of k */
} weight_target;

typedef void weight_tile_fn(const field_strides *strides, const float *images, const float *dy,
                            const weight_target *target);

typedef V weight_sums[WEIGHT_TILE_FILTERS][KERNEL_ROWS][WEIGHT_TILE_VECTORS];

/* The filters of an output share its field; their gradients stand dy_filter floats apart. */
TILE_BODY void accumulate_weights(const int filters, const int rows, const int vectors, const size_t dy_filter,
                                  const field_strides *strides, const float *images, const float *dy, weight_sums sum) {
    const size_t kernel_row = strides->kernel_row, dy_output = strides->dy_output;
    for (int n = 0; n < strides->images; n++, images += strides->image, dy += strides->dy_image) {
        const float *gradient = dy, *field_row = images;
        for (int oy = 0; oy < strides->rows; oy++, field_row += strides->field_row) {
            const float *field = field_row;
            for (int ox = 0; ox < strides->columns; ox++, field += strides->field_column, gradient += dy_output) {
                V g[WEIGHT_TILE_FILTERS];
                UNROLL for (int f = 0; f < filters; f++) g[f] = v_set1(gradient[f * dy_filter]);
                UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
                    const V input = v_keep(v_loadu(field + k * kernel_row + v * VL));
                    UNROLL for (int f = 0; f < filters; f++) sum[f][k][v] = v_fma(g[f], input, sum[f][k][v]);
                }
            }
        }
    }
}

TILE_BODY void store_weights(const int filters, const int rows, const int vectors, const weight_target *target,
                             weight_sums sum) {
    float lanes[WEIGHT_TILE_FILTERS][VL];
    UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
        UNROLL for (int f = 0; f < filters; f++) v_storeu(lanes[f], v_add(sum[f][k][v], v_zero()));
        float *to = target->dweights + k * target->kernel_row + (size_t)v * VL * target->filters;
        for (int i = 0; i < least(VL, target->row - v * VL); i++, to += target->filters)
            UNROLL for (int f = 0; f < filters; f++) to[f] = lanes[f][i];
    }
}

TILE_BODY void weight_tile(const int filters, const int rows, const int vectors, const size_t dy_filter,
                           const field_strides *strides, const float *images, const float *dy,
                           const weight_target *target) {
    weight_sums sum;
    UNROLL for (int f = 0; f < filters; f++) UNROLL for (int k = 0; k < rows; k++)
        UNROLL for (int v = 0; v < vectors; v++) sum[f][k][v] = v_zero();
    accumulate_weights(filters, rows, vectors, dy_filter, strides, images, dy, sum);
    store_weights(filters, rows, vectors, target, sum);
}

/* A list's functions by filters, vectors, kernel rows. */
typedef weight_tile_fn *const weight_tiles[WEIGHT_TILE_FILTERS + 1][WEIGHT_TILE_VECTORS + 1][KERNEL_ROWS + 1];

/* Defines the functions of a tier's list of tiles and the table `tiles`. DY_FILTER is dy_filter. */
#define WEIGHT_TILE(filters, rows, vectors)                                                                            \
    static void tile_##filters##x##rows##x##vectors(const field_strides *strides, const float *images,                 \
                                                    const float *dy, const weight_target *target) {                    \
        weight_tile(filters, rows, vectors, DY_FILTER, strides, images, dy, target);                                   \
    }
#define WEIGHT_TILES_OF(filters, vectors) OF_EACH_ROWS(WEIGHT_TILE, filters, vectors)
#define WEIGHT_ROW_OF(filters, vectors) BY_ROWS(tile, filters, vectors)
#define WEIGHT_TILES(LIST) LIST(WEIGHT_TILES_OF) static weight_tiles tiles = {LIST(WEIGHT_ROW_OF)};

/* All of dweights. tile_filters(vectors, left) says how many of the filters left the next tile takes. */
TILE_BODY void run_weight_tiles(const cvy_conv2d_shape *shape, weight_tiles tiles, int tile_filters(int, int),
                                const size_t dy_filter, const field_strides *strides, const float *images,
                                const float *dy, float *dweights) {
    const int row = shape->kernel_width * shape->input.channels;
    weight_target target = {.filters = shape->filters, .kernel_row = (size_t)row * shape->filters};
    for (int i = 0, vectors; i < row; i += vectors * VL) {
        vectors = least(WEIGHT_TILE_VECTORS, (row - i + VL - 1) / VL);
        target.row = row - i;
        for (int ky = 0, rows; ky < shape->kernel_height; ky += rows) {
            rows = tile_extent(shape->kernel_height - ky, KERNEL_ROWS);
            for (int f = 0, filters; f < shape->filters; f += filters) {
                filters = tile_filters(vectors, shape->filters - f);
                target.dweights = dweights + ky * target.kernel_row + (size_t)i * shape->filters + f;
                tiles[filters][vectors][rows](strides, images + ky * strides->kernel_row + i, dy + f * dy_filter,
                                              &target);
            }
        }
    }
}

#endif
