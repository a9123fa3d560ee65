/* Convolution backward to the weights in NHWC: as in HWC16N a kernel row of the field in the lanes, times the output's
 * gradient, which is broadcast. A tile of filters x kernel rows x vectors stays in registers over all images and
 * outputs; the surplus lanes of a row's last vector are never stored. */
#include "kernel_rows.h"
#include "tier.h"

typedef struct field_strides {
    int images, rows, columns, filters;
    size_t image, field_row, field_column; /* in x: floats to the next image, the next output's field */
    size_t kernel_row;                     /* and from a field's row to the next */
} field_strides;

/* Where a tile's sums go: dweights[k][i][f] for kernel rows k and `row` floats i of each. */
typedef struct weight_target {
    float *dweights;
    int row, filters;  /* extents: i < row, and the stride of i */
    size_t kernel_row; /* stride of k */
} weight_target;

typedef void tile_fn(const field_strides *strides, const float *x, const float *dy, const weight_target *target);

TILE_BODY void
accumulate(const int filters, const int rows, const int vectors, const field_strides *strides, const float *x,
           const float *dy,
           V sum[NHWC_CONV2D_BACKWARD_WEIGHTS_FILTERS][KERNEL_ROWS][NHWC_CONV2D_BACKWARD_WEIGHTS_VECTORS]) {
    const size_t kernel_row = strides->kernel_row;
    for (int n = 0; n < strides->images; n++, x += strides->image) {
        const float *field_row = x;
        for (int oy = 0; oy < strides->rows; oy++, field_row += strides->field_row) {
            const float *field = field_row;
            for (int ox = 0; ox < strides->columns; ox++, field += strides->field_column, dy += strides->filters) {
                V gradient[NHWC_CONV2D_BACKWARD_WEIGHTS_FILTERS];
                UNROLL for (int f = 0; f < filters; f++) gradient[f] = v_set1(dy[f]);
                UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
                    const V input = v_keep(v_loadu(field + k * kernel_row + v * VL));
                    UNROLL for (int f = 0; f < filters; f++) sum[f][k][v] = v_fma(gradient[f], input, sum[f][k][v]);
                }
            }
        }
    }
}

TILE_BODY void
store_sums(const int filters, const int rows, const int vectors, const weight_target *target,
           V sum[NHWC_CONV2D_BACKWARD_WEIGHTS_FILTERS][KERNEL_ROWS][NHWC_CONV2D_BACKWARD_WEIGHTS_VECTORS]) {
    float lanes[NHWC_CONV2D_BACKWARD_WEIGHTS_FILTERS][VL];
    UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
        UNROLL for (int f = 0; f < filters; f++) v_storeu(lanes[f], v_add(sum[f][k][v], v_zero()));
        float *to = target->dweights + k * target->kernel_row + (size_t)v * VL * target->filters;
        for (int i = 0; i < least(VL, target->row - v * VL); i++, to += target->filters)
            UNROLL for (int f = 0; f < filters; f++) to[f] = lanes[f][i];
    }
}

#define TILE(filters, rows, vectors)                                                                                   \
    static void tile_##filters##x##rows##x##vectors(const field_strides *strides, const float *x, const float *dy,     \
                                                    const weight_target *target) {                                     \
        V sum[NHWC_CONV2D_BACKWARD_WEIGHTS_FILTERS][KERNEL_ROWS][NHWC_CONV2D_BACKWARD_WEIGHTS_VECTORS];                \
        UNROLL for (int f = 0; f < filters; f++) UNROLL for (int k = 0; k < rows; k++)                                 \
            UNROLL for (int v = 0; v < vectors; v++) sum[f][k][v] = v_zero();                                          \
        accumulate(filters, rows, vectors, strides, x, dy, sum);                                                       \
        store_sums(filters, rows, vectors, target, sum);                                                               \
    }
#define TILES_OF(filters, vectors) OF_EACH_ROWS(TILE, filters, vectors)
NHWC_CONV2D_BACKWARD_WEIGHTS_TILES(TILES_OF)
#undef TILES_OF
#undef TILE

/* By filters, vectors, kernel rows. */
static tile_fn *const tiles[NHWC_CONV2D_BACKWARD_WEIGHTS_FILTERS + 1][NHWC_CONV2D_BACKWARD_WEIGHTS_VECTORS + 1]
                           [KERNEL_ROWS + 1] = {
#define ROW_OF(filters, vectors) BY_ROWS(tile, filters, vectors)
                               NHWC_CONV2D_BACKWARD_WEIGHTS_TILES(ROW_OF)
#undef ROW_OF
};

/* How many of the `left` filters the next tile with so many vectors takes: as even as there are tiles for. */
static inline int tile_filters(int vectors, int left) {
    int most = NHWC_CONV2D_BACKWARD_WEIGHTS_FILTERS;
    while (!tiles[most][vectors][1])
        most--;
    int filters = tile_extent(left, most);
    while (!tiles[filters][vectors][1])
        filters--;
    return filters;
}

static void weight_gradient(const cvy_conv2d_shape *shape, const field_strides *strides, const float *x,
                            const float *dy, float *dweights) {
    const int row = shape->kernel_width * shape->input.channels;
    weight_target target = {.filters = shape->filters, .kernel_row = (size_t)row * shape->filters};
    for (int i = 0, vectors; i < row; i += vectors * VL) {
        vectors = least(NHWC_CONV2D_BACKWARD_WEIGHTS_VECTORS, (row - i + VL - 1) / VL);
        target.row = row - i;
        for (int ky = 0, rows; ky < shape->kernel_height; ky += rows) {
            rows = tile_extent(shape->kernel_height - ky, KERNEL_ROWS);
            for (int f = 0, filters; f < shape->filters; f += filters) {
                filters = tile_filters(vectors, shape->filters - f);
                target.dweights = dweights + ky * target.kernel_row + (size_t)i * shape->filters + f;
                tiles[filters][vectors][rows](strides, x + ky * strides->kernel_row + i, dy + f, &target);
            }
        }
    }
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
        .filters = shape->filters,
        .image = shape->input.image,
        .field_row = (size_t)shape->stride_y * shape->input.row,
        .field_column = (size_t)shape->stride_x * shape->input.channels,
        .kernel_row = shape->input.row,
    };
    weight_gradient(shape, &strides, x, dy, dweights);
    if (dbias)
        bias_gradient(count, (size_t)strides.rows * strides.columns, shape->filters, dy, dbias);
}
