/* Convolution forward, plain and fused with activation and 2x2 max-pool, in tiles of outputs.
 *
 * A tile of 1 or 2 rows x columns x filters stays in registers over all taps. The taps (kx, c) of a kernel row are
 * contiguous in x and in the weights, so one loop runs over both. Each tap loads an input vector per output position
 * and broadcasts a weight per filter. The fused kernel writes z to a buffer on the stack, chooses one z of each window
 * there, and applies the activation to a whole row of windows at a time. */
#include "choose.h"
#include "tier.h"

enum { TILE_COLUMNS = 8 }; /* the most that any tile has */

/* Strides in floats, and counts. */
typedef struct tile_strides {
    int kernel_height;
    int taps;          /* of a kernel row: kernel width * channels */
    int filters;       /* to compute */
    size_t weight_tap; /* from a tap's weights to the next: all filters of the layer */
    size_t input_row;
    size_t x_row, x_column; /* in x, from an output's field to that of the next row, of the next column */
    size_t y_row, y_column, y_filter;
} tile_strides;

typedef void tile_fn(const tile_strides *strides, const float *x, const float *weights, const float *bias, float *y);

TILE_BODY void tile(const int rows, const int columns, const int filters, const tile_strides *strides, const float *x,
                    const float *weights, const float *bias, float *y) {
    V z[2][TILE_COLUMNS][CONV2D_FORWARD_FILTERS];
    UNROLL for (int f = 0; f < filters; f++) {
        const V start = bias ? v_set1(bias[f]) : v_zero();
        UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) z[i][j][f] = start;
    }
    const size_t x_row = strides->x_row, x_column = strides->x_column, weight_tap = strides->weight_tap;
    for (int ky = 0; ky < strides->kernel_height; ky++, x += strides->input_row) {
        const float *tap = x;
        for (int t = strides->taps; t > 0; t--, tap += CVY_LANES, weights += weight_tap) {
            V weight[CONV2D_FORWARD_FILTERS];
            UNROLL for (int f = 0; f < filters; f++) weight[f] = v_set1(weights[f]);
            UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) {
                const V input = v_keep(v_load(tap + i * x_row + j * x_column));
                UNROLL for (int f = 0; f < filters; f++) z[i][j][f] = v_fma(input, weight[f], z[i][j][f]);
            }
        }
    }
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++)
        UNROLL for (int f = 0; f < filters; f++)
            v_store(y + i * strides->y_row + j * strides->y_column + f * strides->y_filter, z[i][j][f]);
}

#define TILE(columns, filters)                                                                                         \
    static void tile_1x##columns##x##filters(const tile_strides *strides, const float *x, const float *weights,        \
                                             const float *bias, float *y) {                                            \
        tile(1, columns, filters, strides, x, weights, bias, y);                                                       \
    }                                                                                                                  \
    static void tile_2x##columns##x##filters(const tile_strides *strides, const float *x, const float *weights,        \
                                             const float *bias, float *y) {                                            \
        tile(2, columns, filters, strides, x, weights, bias, y);                                                       \
    }
CONV2D_FORWARD_TILES(TILE)
#undef TILE

/* By filters, columns, rows. */
static tile_fn *const tiles[CONV2D_FORWARD_FILTERS + 1][TILE_COLUMNS + 1][3] = {
#define TILE(columns, filters) [filters][columns] = {NULL, tile_1x##columns##x##filters, tile_2x##columns##x##filters},
    CONV2D_FORWARD_TILES(TILE)
#undef TILE
};

/* The widest tile for so many filters that fits into the columns left. */
static inline int tile_columns(int filters, int left) {
    int columns = TILE_COLUMNS;
    while (columns > left || !tiles[filters][columns][1])
        columns /= 2;
    return columns;
}

static inline tile_strides strides_of(const cvy_conv2d_shape *shape) {
    const size_t pixel = (size_t)shape->input.channels * CVY_LANES, row = shape->input.width * pixel;
    return (tile_strides){
        .kernel_height = shape->kernel_height,
        .taps = shape->kernel_width * shape->input.channels,
        .filters = shape->filters,
        .weight_tap = shape->filters,
        .input_row = row,
        .x_row = shape->stride_y * row,
        .x_column = shape->stride_x * pixel,
    };
}

/* rows x width outputs of strides->filters, VL lanes. */
static void forward_rows(const tile_strides *strides, int rows, int width, const float *x, const float *weights,
                         const float *bias, float *y) {
    for (int f = 0, filters; f < strides->filters; f += filters) {
        filters = tile_extent(strides->filters - f, CONV2D_FORWARD_FILTERS);
        for (int ox = 0; ox < width;) {
            const int columns = tile_columns(filters, width - ox), end = width - (width - ox) % columns;
            tile_fn *const compute = tiles[filters][columns][rows];
            for (; ox < end; ox += columns)
                compute(strides, x + ox * strides->x_column, weights + f, bias ? bias + f : NULL,
                        y + ox * strides->y_column + f * strides->y_filter);
        }
    }
}

void KERNEL(conv2d_forward_hwc16n)(const cvy_conv2d_shape *shape, const float *x, const float *weights,
                                   const float *bias, float *y) {
    assert(cvy_is_conv2d(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    tile_strides strides = strides_of(shape);
    strides.y_filter = CVY_LANES;
    strides.y_column = (size_t)shape->filters * CVY_LANES;
    strides.y_row = shape->output_width * strides.y_column;
    for (int lane = 0; lane < CVY_LANES; lane += VL)
        for (int oy = 0, rows; oy < shape->output_height; oy += rows) {
            rows = least(2, shape->output_height - oy);
            forward_rows(&strides, rows, shape->output_width, x + oy * strides.x_row + lane, weights, bias,
                         y + oy * strides.y_row + lane);
        }
}

/* ---- Activation and pooling ------------------------------------------------------------------------------------- */

/* Where a run of windows, all in one window row, goes. */
typedef struct pool_target {
    float *y;          /* receives the chosen z, and then its activation */
    float *derivative; /* this and argmax: both NULL or neither */
    int32_t *argmax;
    size_t column; /* floats from a window to the next, in all three */
} pool_target;

/* Which of a window's four z's is the first that equals the chosen one. */
TILE_BODY VI argmax_of(const V z[4], V chosen) {
    const VI below = vi_select(v_eq(z[2], chosen), vi_set1(2), vi_set1(3));
    return vi_select(v_eq(z[0], chosen), vi_set1(0), vi_select(v_eq(z[1], chosen), vi_set1(1), below));
}

/* The windows of 2 rows x columns x filters outputs that lie dense at z: the chosen z and the argmax. */
TILE_BODY void choose_all(const bool silu, int columns, int filters, const float *z, const pool_target *target) {
    const size_t column = (size_t)filters * VL, row = columns * column;
    for (int j = 0; j < columns / 2; j++, z += 2 * column)
        for (int f = 0; f < filters; f++) {
            const float *first = z + f * VL;
            const V window[4] = {v_load(first), v_load(first + column), v_load(first + row),
                                 v_load(first + row + column)};
            const V chosen = choose(silu, window);
            const size_t at = j * target->column + (size_t)f * CVY_LANES;
            v_store(target->y + at, chosen);
            if (target->argmax)
                vi_store(target->argmax + at, argmax_of(window, chosen));
        }
}

/* Vectors of z in the buffer. Long runs of windows keep the pipes busy; the few windows of a tile would wait for their
 * own results. */
enum { POOL_VECTORS = 192 };

/* Window row py, VL lanes from where x, y, derivative and argmax point on. */
static void pooled_row(const cvy_conv2d_shape *shape, const tile_strides *x_strides, cvy_activation_kind activation,
                       int py, const float *x, const float *weights, const float *bias, const pool_target *whole) {
    _Alignas(64) float z[POOL_VECTORS * VL];
    const int pooled_width = shape->output_width / 2;
    const size_t row = (size_t)py * pooled_width * whole->column;
    for (int f = 0, filters; f < shape->filters; f += filters) {
        filters = tile_extent(shape->filters - f, CONV2D_FORWARD_FILTERS);
        for (int px = 0, windows; px < pooled_width; px += windows) {
            windows = least(pooled_width - px, POOL_VECTORS / (4 * filters));
            tile_strides strides = *x_strides;
            strides.filters = filters;
            strides.y_column = (size_t)filters * VL;
            strides.y_row = 2 * windows * strides.y_column;
            forward_rows(&strides, 2, 2 * windows, x + 2 * py * strides.x_row + 2 * px * strides.x_column, weights + f,
                         bias ? bias + f : NULL, z);
            const size_t at = row + px * whole->column + (size_t)f * CVY_LANES;
            const pool_target target = {
                .y = whole->y + at,
                .argmax = whole->argmax ? whole->argmax + at : NULL,
                .column = whole->column,
            };
            if (activation == CVY_ACT_SILU)
                choose_all(true, 2 * windows, filters, z, &target);
            else
                choose_all(false, 2 * windows, filters, z, &target);
        }
    }
    activate(activation, (size_t)pooled_width * shape->filters, CVY_LANES, whole->y + row, whole->y + row,
             whole->argmax ? whole->derivative + row : NULL);
}

void KERNEL(conv2d_maxpool2x2_forward_hwc16n)(const cvy_conv2d_shape *shape, cvy_activation_kind activation,
                                              const float *x, const float *weights, const float *bias, float *y,
                                              float *derivative, int32_t *argmax) {
    assert(cvy_is_conv2d_maxpool2x2(shape) && cvy_is_activation(activation));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    assert(cvy_is_aligned_or_null(derivative) && cvy_is_aligned_or_null(argmax) && !derivative == !argmax);
    tile_strides strides = strides_of(shape);
    strides.y_filter = VL;
    for (int lane = 0; lane < CVY_LANES; lane += VL) {
        const pool_target whole = {
            .y = y + lane,
            .derivative = argmax ? derivative + lane : NULL,
            .argmax = argmax ? argmax + lane : NULL,
            .column = (size_t)shape->filters * CVY_LANES,
        };
        for (int py = 0; py < shape->output_height / 2; py++)
            pooled_row(shape, &strides, activation, py, x + lane, weights, bias, &whole);
    }
}
