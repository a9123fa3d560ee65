/* Gradient of a convolution's weights through the 2x2 max-pool behind it.
 *
 * Of a window's four outputs only the argmax has a gradient, and the argmax differs from lane to lane. For one filter
 * and channel, the input that a tap multiplies is selected lane by lane from four neighbouring inputs: first from two
 * columns, then from two rows. The tap above reuses the column selected for one row. So a tap takes little more than
 * two selections and one multiply-add, instead of four multiply-adds. A tile of kernel rows x columns of accumulators
 * stays in registers over all windows. Then its sums are folded across lanes, VL of them at a time.
 *
 * Kernel rows of ARGMAX_ROWS_FROM floats and more use another plan, which gives the same bits (argmax_rows.h). */
#include "../scratch.h"
#include "argmax_rows.h"
#include "bias_gradient.h"
#include "tier.h"

/* One channel, [y][x][16], from the tile's first tap on, and one filter. Strides in floats. */
typedef struct argmax_strides {
    const float *x, *dy; /* of the first window */
    const int32_t *argmax;
    int rows, columns; /* of windows */
    size_t row;        /* in x */
    size_t window;     /* in dy and argmax */
    int stride_y, stride_x;
} argmax_strides;

/* The taps of one window with stride 1, where they share rows and columns; `right` and `below` say where in the window
 * the argmax is. */
TILE_BODY void accumulate_dense(const int rows, const int columns, const argmax_strides *strides, const float *field,
                                V g, VM right, VM below,
                                V sum[CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS][CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS]) {
    V above[CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS];
    UNROLL for (int i = 0; i <= rows; i++) {
        const float *at = field + i * strides->row;
        V left = v_load(at);
        UNROLL for (int j = 0; j < columns; j++) {
            const V next = v_keep(v_load(at + (j + 1) * CVY_LANES));
            const V chosen = v_select(right, next, left);
            if (i > 0)
                sum[i - 1][j] = v_fma(g, v_select(below, chosen, above[j]), sum[i - 1][j]);
            above[j] = chosen;
            left = next;
        }
    }
}

TILE_BODY void
accumulate_strided(const int rows, const int columns, const argmax_strides *strides, const float *field, V g, VM right,
                   VM below, V sum[CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS][CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS]) {
    const size_t across = (size_t)strides->stride_x * CVY_LANES, down = strides->stride_y * strides->row;
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) {
        const float *at = field + i * strides->row + j * CVY_LANES;
        const V top = v_select(right, v_load(at + across), v_load(at));
        const V bottom = v_select(right, v_load(at + down + across), v_load(at + down));
        sum[i][j] = v_fma(g, v_select(below, bottom, top), sum[i][j]);
    }
}

/* All windows, into `to`: [rows * columns][16]. */
TILE_BODY void sum_windows(const bool dense, const int rows, const int columns, const argmax_strides *strides,
                           float (*to)[CVY_LANES]) {
    const size_t window = strides->window, field_row = 2 * strides->stride_y * strides->row;
    const size_t field_column = dense ? 2 * CVY_LANES : 2 * (size_t)strides->stride_x * CVY_LANES;
    for (int lane = 0; lane < CVY_LANES; lane += VL) {
        const float *dy = strides->dy + lane, *field = strides->x + lane;
        const int32_t *argmax = strides->argmax + lane;
        V sum[CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS][CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS];
        UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) sum[i][j] = v_zero();
        for (int py = strides->rows; py > 0; py--, field += field_row) {
            const float *at = field;
            for (int px = strides->columns; px > 0; px--, at += field_column, dy += window, argmax += window) {
                const V g = v_load(dy);
                const VI choice = vi_load(argmax);
                const VM right = m_bit(choice, 0), below = m_bit(choice, 1);
                if (dense)
                    accumulate_dense(rows, columns, strides, at, g, right, below, sum);
                else
                    accumulate_strided(rows, columns, strides, at, g, right, below, sum);
            }
        }
        UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++)
            v_store(to[i * columns + j] + lane, sum[i][j]);
    }
}

/* Where a tile's folded sums go, and the strides from tap to tap. */
typedef struct argmax_target {
    float *dweights;
    size_t row, column;
} argmax_target;

/* The fold of `count` sums across lanes, + 0. */
TILE_BODY void fold_lanes(const int count, float (*sum)[CVY_LANES], float *folded) {
    UNROLL for (int first = 0; first < count; first += VL) {
        V lanes[VL];
        UNROLL for (int i = 0; i < VL; i++) {
            V part[CVY_LANES / VL];
            UNROLL for (int k = 0; k < CVY_LANES / VL; k++) part[k] =
                first + i < count ? v_load(sum[first + i] + k * VL) : v_zero();
            UNROLL for (int half = CVY_LANES / VL / 2; half > 0; half /= 2) UNROLL for (int k = 0; k < half; k++)
                part[k] = v_add(part[k], part[k + half]);
            lanes[i] = part[0];
        }
        v_storeu(folded + first, v_add(v_fold(lanes), v_zero()));
    }
}

TILE_BODY void run_tile(const bool dense, const int rows, const int columns, const argmax_strides *strides,
                        const argmax_target *target) {
    _Alignas(64) float sum[CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS * CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS][CVY_LANES];
    float folded[CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS * CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS + VL];
    sum_windows(dense, rows, columns, strides, sum);
    fold_lanes(rows * columns, sum, folded);
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++)
        target->dweights[i * target->row + j * target->column] = folded[i * columns + j];
}

typedef void tile_fn(const argmax_strides *strides, const argmax_target *target);

#define TILE(rows, columns)                                                                                            \
    static void dense_##rows##x##columns(const argmax_strides *strides, const argmax_target *target) {                 \
        run_tile(true, rows, columns, strides, target);                                                                \
    }                                                                                                                  \
    static void strided_##rows##x##columns(const argmax_strides *strides, const argmax_target *target) {               \
        run_tile(false, rows, columns, strides, target);                                                               \
    }
CONV2D_MAXPOOL_BACKWARD_WEIGHTS_TILES(TILE)
#undef TILE

/* By strided or not, rows, columns. */
static tile_fn
    *const tile_bodies[2][CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS + 1][CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS + 1] = {
#define TILE(rows, columns)                                                                                            \
    [0][rows][columns] = dense_##rows##x##columns, [1][rows][columns] = strided_##rows##x##columns,
        CONV2D_MAXPOOL_BACKWARD_WEIGHTS_TILES(TILE)
#undef TILE
};

/* All taps of one channel and filter; strides and target are at tap (0, 0). */
static void gradient_of(const cvy_conv2d_shape *shape, const argmax_strides *strides, const argmax_target *target) {
    const bool strided = shape->stride_y > 1 || shape->stride_x > 1;
    for (int ky = 0, rows; ky < shape->kernel_height; ky += rows) {
        rows = tile_extent(shape->kernel_height - ky, CONV2D_MAXPOOL_BACKWARD_WEIGHTS_ROWS);
        for (int kx = 0, columns; kx < shape->kernel_width; kx += columns) {
            columns = tile_extent(shape->kernel_width - kx, CONV2D_MAXPOOL_BACKWARD_WEIGHTS_COLUMNS);
            argmax_strides part = *strides;
            argmax_target to = *target;
            part.x += ky * strides->row + kx * CVY_LANES;
            to.dweights += ky * target->row + kx * target->column;
            tile_bodies[strided][rows][columns](&part, &to);
        }
    }
}

/* Copies every `step`-th vector of 16 from `from` on, `count` of them, to `to`, `to_step` vectors apart. */
static inline void copy_lanes(int count, size_t step, const float *from, size_t to_step, float *to) {
    for (; count > 0; count--, from += step * CVY_LANES, to += to_step * CVY_LANES)
        for (int lane = 0; lane < CVY_LANES; lane += VL)
            v_store(to + lane, v_load(from + lane));
}

/* With several channels, a channel of x, and a filter of dy and argmax, is read
 * more than once, and strides that are powers of two would crowd it into a few lines of the cache. So it is copied to
 * dense memory, a window's dy and argmax side by side. */
static void weights_in_lanes(const cvy_conv2d_shape *shape, const float *x, const float *dy, const int32_t *argmax,
                             float *dweights, float *scratch) {
    const int channels = shape->input.channels, filters = shape->filters;
    const int pixels = shape->input.height * shape->input.width;
    argmax_strides strides = {
        .rows = shape->output_height / 2,
        .columns = shape->output_width / 2,
        .row = (size_t)shape->input.width * CVY_LANES,
        .window = (size_t)filters * CVY_LANES,
        .stride_y = shape->stride_y,
        .stride_x = shape->stride_x,
    };
    argmax_target target = {.column = (size_t)channels * filters};
    target.row = shape->kernel_width * target.column;
    const int windows = strides.rows * strides.columns;
    const bool copied = channels > 1;
    float *gradients = scratch + (size_t)pixels * CVY_LANES; /* [filter][window][dy, argmax] */
    for (int f = 0; copied && f < filters; f++) {
        float *to = gradients + (size_t)f * windows * 2 * CVY_LANES;
        copy_lanes(windows, filters, dy + (size_t)f * CVY_LANES, 2, to);
        copy_lanes(windows, filters, (const float *)argmax + (size_t)f * CVY_LANES, 2, to + CVY_LANES);
    }
    for (int c = 0; c < channels; c++) {
        if (copied)
            copy_lanes(pixels, channels, x + (size_t)c * CVY_LANES, 1, scratch);
        strides.x = copied ? scratch : x;
        for (int f = 0; f < filters; f++) {
            strides.dy = dy + (size_t)f * CVY_LANES;
            strides.argmax = argmax + (size_t)f * CVY_LANES;
            if (copied) {
                strides.dy = gradients + (size_t)f * windows * 2 * CVY_LANES;
                strides.argmax = (const int32_t *)strides.dy + CVY_LANES;
                strides.window = 2 * CVY_LANES;
            }
            target.dweights = dweights + (size_t)c * filters + f;
            gradient_of(shape, &strides, &target);
        }
    }
}

void KERNEL(conv2d_maxpool2x2_backward_weights_hwc16n)(const cvy_conv2d_shape *shape, const float *x, const float *dy,
                                                       const int32_t *argmax, float *dweights, float *dbias,
                                                       float *scratch) {
    assert(cvy_is_conv2d_maxpool2x2(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned(scratch));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    if (shape->kernel_width * shape->input.channels >= ARGMAX_ROWS_FROM)
        weights_by_image(shape, x, dy, argmax, dweights, scratch);
    else
        weights_in_lanes(shape, x, dy, argmax, dweights, scratch);
    if (dbias)
        bias_gradient((shape->output_height / 2) * (shape->output_width / 2), shape->filters, dy, dbias);
}
