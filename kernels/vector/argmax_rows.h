/* Gradient of a convolution's weights through a 2x2 max-pool, image by image: the plan for long kernel rows, and for
 * tiers where selections are expensive (conv2d_maxpool_backward_weights.c).
 *
 * In NHWC a kernel row of the argmax's receptive field, kernel width * channels floats, is contiguous. It is loaded as
 * unaligned vectors and multiplied with the argmax's gradient, which is broadcast. Every multiply-add has a load of its
 * own, and loads bound it. A tile of filters x kernel rows x vectors of accumulators stays in registers over the
 * windows of an image. The last vector of a row may reach past the row; its surplus lanes are never stored. An image's
 * sums are the chains of a lane, so the fold across lanes is a fold of the 16 images' sums. */
#ifndef CVY_VECTOR_ARGMAX_ROWS_H
#define CVY_VECTOR_ARGMAX_ROWS_H

#include "kernel_rows.h"
#include "tier.h"
#include "transpose.h"

/* Of a tile, from its first filter and tap on. Strides in floats. */
typedef struct field_strides {
    const float *images, *dy;
    const int32_t *fields; /* [window][filter][16]: where in its image the argmax's field begins */
    int windows;
    size_t image, row;   /* in images */
    size_t window;       /* in dy and fields */
    float *dweights;     /* [kernel row][float of the row][filter] */
    size_t dweights_row; /* from a kernel row to the next */
    int floats, filters; /* of the row, that are left; the stride of one in dweights */
} field_strides;

typedef V field_sums[ARGMAX_ROWS_FILTERS][KERNEL_ROWS][ARGMAX_ROWS_VECTORS];

/* The windows of image l. */
TILE_BODY void sum_fields(const int filters, const int rows, const int vectors, const field_strides *strides, int l,
                          field_sums sum) {
    const float *image = strides->images + l * strides->image, *gradient = strides->dy + l;
    const int32_t *field = strides->fields + l;
    const size_t row = strides->row, window = strides->window;
    UNROLL for (int f = 0; f < filters; f++) UNROLL for (int k = 0; k < rows; k++)
        UNROLL for (int v = 0; v < vectors; v++) sum[f][k][v] = v_zero();
    for (int p = strides->windows; p > 0; p--, gradient += window, field += window) {
        UNROLL for (int f = 0; f < filters; f++) {
            const V g = v_set1(gradient[f * CVY_LANES]);
            const float *from = image + field[f * CVY_LANES];
            UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) sum[f][k][v] =
                v_fma(g, v_loadu(from + k * row + v * VL), sum[f][k][v]);
        }
    }
}

/* The fold of one vector of sums over the images, `step` floats apart, + 0. */
static inline V fold_images(const float *sums, size_t step) {
    V half[CVY_LANES / 2];
    UNROLL for (int l = 0; l < CVY_LANES / 2; l++) half[l] =
        v_add(v_load(sums + l * step), v_load(sums + (l + CVY_LANES / 2) * step));
    UNROLL for (int n = CVY_LANES / 4; n > 0; n /= 2) UNROLL for (int l = 0; l < n; l++) half[l] =
        v_add(half[l], half[l + n]);
    return v_add(half[0], v_zero());
}

TILE_BODY void run_fields(const int filters, const int rows, const int vectors, const field_strides *strides) {
    _Alignas(64) float sums[CVY_LANES][ARGMAX_ROWS_FILTERS * KERNEL_ROWS * ARGMAX_ROWS_VECTORS][VL];
    for (int l = 0; l < CVY_LANES; l++) {
        field_sums sum;
        sum_fields(filters, rows, vectors, strides, l, sum);
        UNROLL for (int f = 0; f < filters; f++) UNROLL for (int k = 0; k < rows; k++)
            UNROLL for (int v = 0; v < vectors; v++) v_store(sums[l][(f * rows + k) * vectors + v], sum[f][k][v]);
    }
    float lanes[ARGMAX_ROWS_FILTERS][VL];
    for (int k = 0; k < rows; k++)
        for (int v = 0; v < vectors; v++) {
            for (int f = 0; f < filters; f++)
                v_storeu(lanes[f], fold_images(sums[0][(f * rows + k) * vectors + v], sizeof sums[0] / sizeof(float)));
            float *to = strides->dweights + k * strides->dweights_row + (size_t)v * VL * strides->filters;
            for (int i = 0; i < least(VL, strides->floats - v * VL); i++, to += strides->filters)
                UNROLL for (int f = 0; f < filters; f++) to[f] = lanes[f][i];
        }
}

typedef void field_fn(const field_strides *strides);

#define TILE(filters, rows, vectors)                                                                                   \
    static void fields_##filters##x##rows##x##vectors(const field_strides *strides) {                                  \
        run_fields(filters, rows, vectors, strides);                                                                   \
    }
#define TILES_OF(filters, vectors) OF_EACH_ROWS(TILE, filters, vectors)
ARGMAX_ROWS_TILES(TILES_OF)
#undef TILES_OF
#undef TILE

/* By filters, vectors, kernel rows. */
static field_fn *const field_tiles[ARGMAX_ROWS_FILTERS + 1][ARGMAX_ROWS_VECTORS + 1][KERNEL_ROWS + 1] = {
#define ROW_OF(filters, vectors) BY_ROWS(fields, filters, vectors)
    ARGMAX_ROWS_TILES(ROW_OF)
#undef ROW_OF
};

/* The most filters, up to `left`, that a tile with so many vectors holds. */
static inline int field_filters(int vectors, int left) {
    int filters = least(left, ARGMAX_ROWS_FILTERS);
    while (!field_tiles[filters][vectors][1])
        filters--;
    return filters;
}

/* fields[window][filter][16], of all filters. */
static void find_fields(const cvy_conv2d_shape *shape, const int32_t *argmax, int32_t *fields) {
    const int32_t column = shape->stride_x * shape->input.channels;
    const int32_t row = shape->stride_y * shape->input.width * shape->input.channels;
    for (int py = 0; py < shape->output_height / 2; py++)
        for (int px = 0; px < shape->output_width / 2; px++)
            for (int i = 0; i < shape->filters * CVY_LANES; i += VL, argmax += VL, fields += VL) {
                const VI choice = vi_load(argmax), none = vi_set1(0);
                const VI across = vi_select(m_bit(choice, 0), vi_set1(column), none);
                const VI down = vi_select(m_bit(choice, 1), vi_set1(row), none);
                vi_store(fields, vi_add(vi_set1(2 * py * row + 2 * px * column), vi_add(across, down)));
            }
}

/* scratch: cvy_conv2d_maxpool2x2_weights_scratch(shape). */
static void weights_by_image(const cvy_conv2d_shape *shape, const float *x, const float *dy, const int32_t *argmax,
                             float *dweights, float *scratch) {
    const int channels = shape->input.channels, filters = shape->filters;
    const int row = shape->kernel_width * channels, elements = shape->input.height * shape->input.width * channels;
    field_strides strides = {
        .windows = (shape->output_height / 2) * (shape->output_width / 2),
        .image = cvy_argmax_image(shape),
        .row = (size_t)shape->input.width * channels,
        .window = (size_t)filters * CVY_LANES,
        .dweights_row = (size_t)row * filters,
        .filters = filters,
    };
    int32_t *fields = (int32_t *)(scratch + CVY_LANES * strides.image);
    lanes_to_rows(elements, x, strides.image, scratch);
    find_fields(shape, argmax, fields);
    for (int i = 0, vectors; i < row; i += vectors * VL) {
        vectors = least(ARGMAX_ROWS_VECTORS, (row - i + VL - 1) / VL);
        strides.floats = row - i;
        for (int ky = 0, rows; ky < shape->kernel_height; ky += rows) {
            rows = tile_extent(shape->kernel_height - ky, KERNEL_ROWS);
            strides.images = scratch + ky * strides.row + i;
            for (int f = 0, tile; f < filters; f += tile) {
                tile = field_filters(vectors, filters - f);
                strides.dy = dy + (size_t)f * CVY_LANES;
                strides.fields = fields + (size_t)f * CVY_LANES;
                strides.dweights = dweights + ky * strides.dweights_row + (size_t)i * filters + f;
                field_tiles[tile][vectors][rows](&strides);
            }
        }
    }
}

#endif
