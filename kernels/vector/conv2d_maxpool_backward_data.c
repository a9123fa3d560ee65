/* Gradient of a convolution's input through the 2x2 max-pool behind it, in tiles of 2 x 2 inputs.
 *
 * Of a window's four outputs only the argmax has a gradient, and the argmax differs from lane to lane. Each window and
 * filter therefore contributes one multiply-add to an input, with the weight of the output that the lane's argmax
 * names: a permutation picks it lane by lane from four weights, one for each output. The table holds these weights, 16
 * for a tile, for every window that overlaps the tile, filter and channel: [window][filter][channel][input of the
 * tile][output of the window]. They depend on where the tile lies in a period of 2 * stride inputs. So the table is
 * made for one such place and for the channels of a tile, and then used all over the image.
 *
 * A tile takes the windows that overlap it in row-major order, and all filters of each. Two neighbouring tiles, where
 * registers allow, share what is loaded from the table, as their windows are one apart. */
#include <string.h>

#include "../scratch.h"
#include "tier.h"

/* One axis: the tiles at one place of the period, and the windows. */
typedef struct axis {
    int place;       /* first input of the tiles, modulo the period */
    int period;      /* inputs from a window to the next, and from a tile to the next */
    int tiles;       /* in the image */
    int overlapping; /* windows that overlap a tile, away from the border: those up to its own */
    int windows;
} axis;

static inline axis axis_of(int place, int stride, int kernel, int inputs, int outputs) {
    const int period = 2 * stride, span = stride + kernel - 1;
    return (axis){
        .place = place,
        .period = period,
        .tiles = place < inputs ? (inputs - place - 1) / period + 1 : 0,
        .overlapping = place <= span ? (span - place) / period + 1 : 0,
        .windows = outputs / 2,
    };
}

typedef struct argmax_strides {
    const cvy_conv2d_shape *shape;
    axis y, x;
    const float *table;
    const float *dy; /* this and the following: VL lanes from where they point on */
    const int32_t *argmax;
    const float *derivative; /* may be NULL */
    float *dx;
    int channel; /* first of the tile's */
    size_t dx_row, window_row, window;
} argmax_strides;

/* The filters of a window of each of the tiles [first, end); `at` is the offset of the window for the first of all
 * tiles. */
TILE_BODY void accumulate(const int first, const int end, const int channels, const argmax_strides *strides,
                          const float *table, ptrdiff_t at, V sum[2][2][2][CONV2D_MAXPOOL_BACKWARD_DATA_CHANNELS]) {
    at += first * (ptrdiff_t)strides->window; /* before that may be no window */
    const float *dy = strides->dy + at;
    const int32_t *argmax = strides->argmax + at;
    for (int f = strides->shape->filters; f > 0; f--) {
        UNROLL for (int t = first; t < end; t++) {
            const V gradient = v_load(dy + (t - first) * strides->window);
            const VI choice = vi_load(argmax + (t - first) * strides->window);
            UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 2; j++)
                UNROLL for (int c = 0; c < channels; c++) sum[t][i][j][c] =
                    v_fma(gradient, v_choose(table + c * CVY_LANES, 2 * i + j, choice), sum[t][i][j][c]);
        }
        dy += CVY_LANES;
        argmax += CVY_LANES;
        table += channels * CVY_LANES;
    }
}

/* The tiles from (ty, tx) on, as many across as `tiles`. */
TILE_BODY void tile(const int tiles, const int channels, const argmax_strides *strides, int ty, int tx) {
    const axis *y = &strides->y, *x = &strides->x;
    V sum[2][2][2][CONV2D_MAXPOOL_BACKWARD_DATA_CHANNELS];
    UNROLL for (int t = 0; t < tiles; t++) UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 2; j++)
        UNROLL for (int c = 0; c < channels; c++) sum[t][i][j][c] = v_zero();
    const size_t entry = (size_t)strides->shape->filters * channels * CVY_LANES;
    for (int my = least(y->overlapping - 1, ty); my >= 0 && ty - my < y->windows; my--)
        for (int mx = least(x->overlapping - 1, tx + tiles - 1); mx >= 0; mx--) {
            const int px = tx - mx; /* the first tile's */
            const float *table = strides->table + (my * x->overlapping + mx) * entry;
            const ptrdiff_t at = (ty - my) * (ptrdiff_t)strides->window_row + px * (ptrdiff_t)strides->window;
            const bool left = px >= 0 && px < x->windows, right = px + 1 < x->windows;
            if (tiles == 2 && left && right)
                accumulate(0, 2, channels, strides, table, at, sum);
            else if (left)
                accumulate(0, 1, channels, strides, table, at, sum);
            else if (tiles == 2 && right)
                accumulate(1, 2, channels, strides, table, at, sum);
        }
    const cvy_image_shape *input = &strides->shape->input;
    const int top = ty * y->period + y->place, begin = tx * x->period + x->place;
    UNROLL for (int t = 0; t < tiles; t++) UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 2; j++) {
        const int column = begin + t * x->period + j;
        if (top + i >= input->height || column >= input->width)
            continue;
        const size_t at =
            (top + i) * strides->dx_row + ((size_t)column * input->channels + strides->channel) * CVY_LANES;
        UNROLL for (int c = 0; c < channels; c++) {
            const size_t to = at + c * CVY_LANES;
            v_store(strides->dx + to,
                    strides->derivative ? v_mul(sum[t][i][j][c], v_load(strides->derivative + to)) : sum[t][i][j][c]);
        }
    }
}

typedef void tile_fn(const argmax_strides *strides, int ty, int tx);

#define TILE(tiles, channels)                                                                                          \
    static void tile_##tiles##x##channels(const argmax_strides *strides, int ty, int tx) {                             \
        tile(tiles, channels, strides, ty, tx);                                                                        \
    }
CONV2D_MAXPOOL_BACKWARD_DATA_TILES(TILE)
#undef TILE

/* By channels, tiles across. */
static tile_fn *const tile_bodies[CONV2D_MAXPOOL_BACKWARD_DATA_CHANNELS + 1][3] = {
#define TILE(tiles, channels) [channels][tiles] = tile_##tiles##x##channels,
    CONV2D_MAXPOOL_BACKWARD_DATA_TILES(TILE)
#undef TILE
};

/* ---- The table -------------------------------------------------------------------------------------------------- */

/* For each of the 16 entries of a tile and window, [2][2] inputs and [2][2] outputs, where in the weights its tap
 * stands; NULL for none. (my, mx) is how many windows before the tile's own the window lies. */
static void find_taps(const argmax_strides *strides, int my, int mx, const float *weights, const float *tap[16]) {
    const cvy_conv2d_shape *shape = strides->shape;
    const size_t taps = (size_t)shape->input.channels * shape->filters;
    for (int e = 0; e < 16; e++) {
        const int ky = my * strides->y.period + strides->y.place + e / 8 - e / 2 % 2 * shape->stride_y;
        const int kx = mx * strides->x.period + strides->x.place + e / 4 % 2 - e % 2 * shape->stride_x;
        const bool inside = ky >= 0 && ky < shape->kernel_height && kx >= 0 && kx < shape->kernel_width;
        tap[e] = inside ? weights + (ky * shape->kernel_width + kx) * taps : NULL;
    }
}

/* The entries of one window. A tap's weights, [channel][filter], are transposed VL at a time, which puts the entries
 * into the lanes. */
static void make_entries(int channels, int filters, const float *const tap[16], float *table) {
    const int count = channels * filters;
    for (int first = 0, c = 0, f = 0; first < count; first += VL) {
        const int n = least(VL, count - first);
        V entry[16];
        UNROLL for (int e = 0; e < 16; e++) entry[e] = !tap[e]   ? v_zero()
                                                       : n == VL ? v_loadu(tap[e] + first)
                                                                 : v_load_first(tap[e] + first, n);
        UNROLL for (int e = 0; e < 16; e += VL) v_transpose(entry + e);
        float lanes[VL][16];
        UNROLL for (int i = 0; i < VL; i++) UNROLL for (int e = 0; e < 16; e += VL)
            v_storeu(&lanes[i][e], entry[e + i]);
        for (int i = 0; i < n; i++) {
            memcpy(table + ((size_t)f * channels + c) * CVY_LANES, lanes[i], sizeof lanes[i]);
            if (++f == filters) {
                f = 0;
                c++;
            }
        }
    }
}

/* For the channels from `weights` on. */
static void make_table(const argmax_strides *strides, int channels, const float *weights, float *table) {
    const float *tap[16];
    for (int my = 0; my < strides->y.overlapping; my++)
        for (int mx = 0; mx < strides->x.overlapping; mx++) {
            find_taps(strides, my, mx, weights, tap);
            make_entries(channels, strides->shape->filters, tap, table);
            table += (size_t)strides->shape->filters * channels * CVY_LANES;
        }
}

/* ---- All inputs ------------------------------------------------------------------------------------------------- */

/* The tiles at one place of the period, for its channels. */
static void tiles_at(const argmax_strides *strides, int channels) {
    tile_fn *const one = tile_bodies[channels][1], *const two = tile_bodies[channels][2];
    for (int lane = 0; lane < CVY_LANES; lane += VL) {
        argmax_strides part = *strides;
        part.dy += lane;
        part.argmax += lane;
        part.derivative = strides->derivative ? strides->derivative + lane : NULL;
        part.dx += lane;
        for (int ty = 0; ty < strides->y.tiles; ty++) {
            int tx = 0;
            for (; two && tx + 1 < strides->x.tiles; tx += 2)
                two(&part, ty, tx);
            for (; tx < strides->x.tiles; tx++)
                one(&part, ty, tx);
        }
    }
}

void KERNEL(conv2d_maxpool2x2_backward_data_hwc16n)(const cvy_conv2d_shape *shape, const float *dy,
                                                    const int32_t *argmax, const float *weights,
                                                    const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_conv2d_maxpool2x2(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned(weights) && cvy_is_aligned(scratch));
    assert(cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const cvy_image_shape *input = &shape->input;
    argmax_strides strides = {
        .shape = shape,
        .table = scratch,
        .dy = dy,
        .argmax = argmax,
        .derivative = derivative,
        .dx = dx,
        .dx_row = (size_t)input->width * input->channels * CVY_LANES,
        .window = (size_t)shape->filters * CVY_LANES,
    };
    strides.window_row = shape->output_width / 2 * strides.window;
    for (int c = 0, channels; c < input->channels; c += channels) {
        channels = tile_extent(input->channels - c, CONV2D_MAXPOOL_BACKWARD_DATA_CHANNELS);
        strides.channel = c;
        for (int y = 0; y < 2 * shape->stride_y; y += 2)
            for (int x = 0; x < 2 * shape->stride_x; x += 2) {
                strides.y = axis_of(y, shape->stride_y, shape->kernel_height, input->height, shape->output_height);
                strides.x = axis_of(x, shape->stride_x, shape->kernel_width, input->width, shape->output_width);
                make_table(&strides, channels, weights + (size_t)c * shape->filters, scratch);
                tiles_at(&strides, channels);
            }
    }
}
