/* Convolution backward to the data, in tiles of inputs.
 *
 * Along one axis the inputs fall into `stride` classes by position modulo stride: class r holds positions r + q *
 * stride, and to position q the taps k = r + m * stride contribute outputs o = q - m. So within a class pair (ry, rx)
 * this is a convolution of stride 1 over dy with the kernel's taps in reverse, and a tile of 2 rows x columns x
 * channels is accumulated in registers: m from last to first visits the outputs in ascending order. Each tap and filter
 * loads a vector of dy per position and broadcasts a weight per channel.
 *
 * Near the border a tap concerns only a part of the tile. Outputs beyond the border are no terms of the chain: a zero
 * term would turn -0 into +0. Each part, rows [top, bottom) x columns [left, right), has code of its own, chosen once a
 * tap. Tiles that the border of the input cuts off are handled the same way. */
#include "tier.h"

enum { TILE_ROWS = 2, TILE_COLUMNS = 4 };

/* One axis of a class. */
typedef struct axis {
    int residue, stride;
    int taps;      /* that contribute to this class */
    int positions; /* in this class */
    int outputs;
} axis;

static inline axis axis_of(int residue, int stride, int kernel, int extent, int outputs) {
    return (axis){
        .residue = residue,
        .stride = stride,
        .taps = (kernel - residue + stride - 1) / stride,
        .positions = (extent - residue + stride - 1) / stride,
        .outputs = outputs,
    };
}

/* Which of the `extent` positions from q on tap m concerns: [first, end). */
typedef struct part {
    int first, end;
} part;

static inline part part_of(const axis *a, int q, int extent, int m) {
    return (part){.first = greatest(0, m - q), .end = least(least(extent, a->positions - q), a->outputs + m - q)};
}

typedef struct data_strides {
    axis y, x;
    int kernel_width, channels, filters;
    ptrdiff_t dy_row, dy_column; /* floats */
    size_t dx_row, dx_column;    /* between neighbours within the class */
} data_strides;

/* Where tap (my, mx) of the class stands in the weights, for channel 0 and filter 0. */
static inline size_t tap_offset(const data_strides *strides, int my, int mx) {
    const size_t ky = strides->y.residue + my * strides->y.stride, kx = strides->x.residue + mx * strides->x.stride;
    return (ky * strides->kernel_width + kx) * strides->channels * strides->filters;
}

typedef void tile_fn(const data_strides *strides, int qy, int qx, const float *dy, const float *weights,
                     const float *derivative, float *dx);

/* All filters of one tap for the part [top, bottom) x [left, right) of the tile. */
TILE_BODY void accumulate(const int top, const int bottom, const int left, const int right, const int channels,
                          const data_strides *strides, const float *dy, const float *weights,
                          V sum[TILE_ROWS][TILE_COLUMNS][CONV2D_BACKWARD_DATA_CHANNELS]) {
    const ptrdiff_t dy_row = strides->dy_row, dy_column = strides->dy_column;
    const size_t filters = strides->filters;
    for (size_t f = 0; f < filters; f++, dy += CVY_LANES, weights++) {
        V weight[CONV2D_BACKWARD_DATA_CHANNELS];
        UNROLL for (int c = 0; c < channels; c++) weight[c] = v_set1(weights[c * filters]);
        UNROLL for (int i = top; i < bottom; i++) UNROLL for (int j = left; j < right; j++) {
            const V gradient = v_keep(v_load(dy + (i - top) * dy_row + (j - left) * dy_column));
            UNROLL for (int c = 0; c < channels; c++) sum[i][j][c] = v_fma(gradient, weight[c], sum[i][j][c]);
        }
    }
}

/* A part as a number, to switch on. */
#define PART(top, bottom, left, right) ((((top)*3 + (bottom)) * 5 + (left)) * 5 + (right))

#define PART_CASE(top, bottom, left, right)                                                                            \
    case PART(top, bottom, left, right):                                                                               \
        if ((right) <= columns)                                                                                        \
            accumulate(top, bottom, left, right, channels, strides, from, tap, sum);                                   \
        break;
#define PART_ROWS(left, right) PART_CASE(0, 2, left, right) PART_CASE(0, 1, left, right) PART_CASE(1, 2, left, right)

TILE_BODY void tile(const int columns, const int channels, const data_strides *strides, int qy, int qx, const float *dy,
                    const float *weights, const float *derivative, float *dx) {
    V sum[TILE_ROWS][TILE_COLUMNS][CONV2D_BACKWARD_DATA_CHANNELS];
    UNROLL for (int i = 0; i < TILE_ROWS; i++) UNROLL for (int j = 0; j < columns; j++)
        UNROLL for (int c = 0; c < channels; c++) sum[i][j][c] = v_zero();
    for (int my = strides->y.taps - 1; my >= 0; my--) {
        const part rows = part_of(&strides->y, qy, TILE_ROWS, my);
        if (rows.first >= rows.end)
            continue;
        for (int mx = strides->x.taps - 1; mx >= 0; mx--) {
            const part across = part_of(&strides->x, qx, columns, mx);
            if (across.first >= across.end)
                continue;
            const float *from =
                dy + (qy + rows.first - my) * strides->dy_row + (qx + across.first - mx) * strides->dy_column;
            const float *tap = weights + tap_offset(strides, my, mx);
            switch (PART(rows.first, rows.end, across.first, across.end)) {
                PART_ROWS(0, 4)
                PART_ROWS(0, 3)
                PART_ROWS(0, 2)
                PART_ROWS(0, 1)
                PART_ROWS(1, 4)
                PART_ROWS(1, 3)
                PART_ROWS(1, 2)
                PART_ROWS(2, 4)
                PART_ROWS(2, 3)
                PART_ROWS(3, 4)
            }
        }
    }
    UNROLL for (int i = 0; i < TILE_ROWS; i++)
        UNROLL for (int j = 0; j < columns; j++) if (qy + i < strides->y.positions && qx + j < strides->x.positions)
            UNROLL for (int c = 0; c < channels; c++) {
        const size_t at = i * strides->dx_row + j * strides->dx_column + (size_t)c * CVY_LANES;
        v_store(dx + at, derivative ? v_mul(sum[i][j][c], v_load(derivative + at)) : sum[i][j][c]);
    }
}

#define TILE(columns, channels)                                                                                        \
    static void tile_2x##columns##x##channels(const data_strides *strides, int qy, int qx, const float *dy,            \
                                              const float *weights, const float *derivative, float *dx) {              \
        tile(columns, channels, strides, qy, qx, dy, weights, derivative, dx);                                         \
    }
CONV2D_BACKWARD_DATA_TILES(TILE)
#undef TILE

static const struct {
    int columns;
    tile_fn *run;
} tiles[CONV2D_BACKWARD_DATA_CHANNELS + 1] = {
#define TILE(columns, channels) [channels] = {columns, tile_2x##columns##x##channels},
    CONV2D_BACKWARD_DATA_TILES(TILE)
#undef TILE
};

/* The inputs of one class pair, VL lanes from where dy and dx point on. */
static void backward_class(const data_strides *strides, const float *dy, const float *weights, const float *derivative,
                           float *dx) {
    for (int qy = 0; qy < strides->y.positions; qy += TILE_ROWS)
        for (int c = 0, channels; c < strides->channels; c += channels) {
            channels = tile_extent(strides->channels - c, CONV2D_BACKWARD_DATA_CHANNELS);
            for (int qx = 0; qx < strides->x.positions; qx += tiles[channels].columns) {
                const size_t at = qy * strides->dx_row + qx * strides->dx_column + (size_t)c * CVY_LANES;
                tiles[channels].run(strides, qy, qx, dy, weights + (size_t)c * strides->filters,
                                    derivative ? derivative + at : NULL, dx + at);
            }
        }
}

static void backward_data(const cvy_conv2d_shape *shape, const float *dy, const float *weights, const float *derivative,
                          float *dx) {
    const cvy_image_shape *input = &shape->input;
    const size_t pixel = (size_t)input->channels * CVY_LANES, row = input->width * pixel;
    data_strides strides = {
        .kernel_width = shape->kernel_width,
        .channels = input->channels,
        .filters = shape->filters,
        .dy_column = (ptrdiff_t)shape->filters * CVY_LANES,
        .dx_column = shape->stride_x * pixel,
        .dx_row = shape->stride_y * row,
    };
    strides.dy_row = shape->output_width * strides.dy_column;
    for (int lane = 0; lane < CVY_LANES; lane += VL)
        for (int ry = 0; ry < least(shape->stride_y, input->height); ry++)
            for (int rx = 0; rx < least(shape->stride_x, input->width); rx++) {
                const size_t at = ry * row + rx * pixel + lane;
                strides.y = axis_of(ry, shape->stride_y, shape->kernel_height, input->height, shape->output_height);
                strides.x = axis_of(rx, shape->stride_x, shape->kernel_width, input->width, shape->output_width);
                backward_class(&strides, dy + lane, weights, derivative ? derivative + at : NULL, dx + at);
            }
}

void KERNEL(conv2d_backward_data_hwc16n)(const cvy_conv2d_shape *shape, const float *dy, const float *weights,
                                         const float *derivative, float *dx) {
    assert(cvy_is_conv2d(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    backward_data(shape, dy, weights, derivative, dx);
}
