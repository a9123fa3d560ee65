/* Maximum pooling in NHWC. y is dense, so pixels are stored in ascending order as whole vectors: what a vector holds
 * beyond its pixels is overwritten by those that follow; near the end of y only what is left is stored.
 *
 * 2x2 windows that neither overlap nor are clipped have code of their own. With at least two pixels of y to a vector
 * they go a group of pixels at a time: the group's columns are two vectors of x in each of two rows, out of which a
 * permutation takes the even and the odd ones; backward, the gradients and winners are permuted to the columns, each of
 * which takes its gradient where it is the winner. With more channels they go pixel by pixel, channels in the lanes, as
 * do all other windows; but backward these go element by element, as only the data tells where to.
 *
 * The including file has defined KERNEL(operation), and has v_permute and the like (permute.h). */
#include <string.h>

#include "../contract.h"
#include "tile.h"

static inline void store_before(float *to, V a, const float *end) {
    if (end - to >= VL) {
        v_storeu(to, a);
    } else if (end > to) {
        float lanes[VL];
        v_storeu(lanes, a);
        memcpy(to, lanes, (end - to) * sizeof *to);
    }
}

static inline void vi_store_before(int32_t *to, VI a, const int32_t *end) {
    if (end - to >= VL) {
        vi_storeu(to, a);
    } else if (end > to) {
        int32_t lanes[VL];
        vi_storeu(lanes, a);
        memcpy(to, lanes, (end - to) * sizeof *to);
    }
}

/* Where a tensor of y's shape is written, and its ends. */
typedef struct output {
    float *y, *y_end;
    int32_t *winner, *winner_end; /* NULL: no winners wanted */
} output;

/* `floats` floats stored, the first of which at least are the vector's own. */
static inline void put(output *to, V value, VI winner, size_t floats) {
    store_before(to->y, value, to->y_end);
    to->y += floats;
    if (to->winner) {
        vi_store_before(to->winner, winner, to->winner_end);
        to->winner += floats;
    }
}

/* ---- Any window, pixel by pixel --------------------------------------------------------------------------------- */

/* The part of a window that lies within the image: rows [top, bottom), columns [left, right). */
typedef struct window {
    int top, bottom, left, right;
} window;

static inline window window_at(const cvy_pool_shape *shape, int oy, int ox) {
    const int y = oy * shape->stride_y - shape->pad_top, x = ox * shape->stride_x - shape->pad_left;
    return (window){.top = greatest(y, 0),
                    .bottom = least(y + shape->window_height, shape->height),
                    .left = greatest(x, 0),
                    .right = least(x + shape->window_width, shape->width)};
}

TILE_BODY void forward_pixel(const cvy_pool_shape *shape, const window *w, const float *x, output *to) {
    const int channels = shape->channels;
    for (int c = 0; c < channels; c += VL) {
        const int first = w->top * shape->width + w->left;
        V largest = v_loadu(x + (size_t)first * channels + c);
        VI winner = vi_set1(first);
        for (int iy = w->top; iy < w->bottom; iy++)
            for (int ix = w->left; ix < w->right; ix++) {
                const int position = iy * shape->width + ix;
                const V value = v_loadu(x + (size_t)position * channels + c);
                const VM greater = v_gt(value, largest);
                largest = v_select(greater, value, largest);
                winner = vi_select(greater, vi_set1(position), winner);
            }
        put(to, largest, winner, least(VL, channels - c));
    }
}

static void forward_any(const cvy_pool_shape *shape, const float *x, output *to) {
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++) {
            const window w = window_at(shape, oy, ox);
            forward_pixel(shape, &w, x, to);
        }
}

/* ---- 2x2 windows ------------------------------------------------------------------------------------------------ */

/* VL lanes out of two vectors: the lane to take, and all ones where it is the second vector's. */
typedef struct pick {
    _Alignas(64) int32_t lane[VL], second[VL];
} pick;

typedef struct group {
    int pixels;                            /* of y */
    pick even, odd;                        /* columns of x, out of a group's two vectors */
    _Alignas(64) int32_t column[VL];       /* of x from the group's first: that of each lane's window */
    _Alignas(64) int32_t from[2][VL];      /* backward: the lane of y whose gradient a lane of x takes */
    _Alignas(64) int32_t to_column[2][VL]; /* and that lane's column */
} group;

static inline bool is_plain_2x2(const cvy_pool_shape *shape) {
    return shape->window_height == 2 && shape->window_width == 2 && shape->stride_y == 2 && shape->stride_x == 2 &&
           shape->pad_top == 0 && shape->pad_left == 0 && shape->height >= 2 * shape->output_height &&
           shape->width >= 2 * shape->output_width;
}

static inline bool is_grouped(const cvy_pool_shape *shape) {
    return shape->channels <= VL / 2 && shape->output_width >= VL / shape->channels;
}

static inline void set_pick(pick *p, int i, int from) {
    p->lane[i] = from % VL;
    p->second[i] = from < VL ? 0 : -1;
}

/* Lanes beyond the group's repeat its first. */
static group group_of(int channels) {
    group g = {.pixels = VL / channels};
    for (int pixel = 0, i = 0; i < VL; pixel++)
        for (int c = 0; c < channels && i < VL; c++, i++) {
            const int column = pixel < g.pixels ? 2 * pixel : 0;
            set_pick(&g.even, i, column * channels + c);
            set_pick(&g.odd, i, (column + 1) * channels + c);
            g.column[i] = column;
        }
    for (int column = 0, i = 0; i < 2 * VL; column++)
        for (int c = 0; c < channels && i < 2 * VL; c++, i++) {
            g.from[i / VL][i % VL] = column < 2 * g.pixels ? column / 2 * channels + c : 0;
            g.to_column[i / VL][i % VL] = column;
        }
    return g;
}

static inline V pick_lanes(const pick *p, V a, V b) {
    const VI lane = vi_load(p->lane);
    return v_select(vi_eq(vi_load(p->second), vi_set1(-1)), v_permute(b, lane), v_permute(a, lane));
}

/* The largest of a window's four in row-major order, where a later one wins only if it is greater; *winner is its
 * position from the first. */
TILE_BODY V largest_of(const V z[4], int width, VI *winner) {
    const int32_t offset[4] = {0, 1, width, width + 1};
    V largest = z[0];
    *winner = vi_set1(0);
    UNROLL for (int k = 1; k < 4; k++) {
        const VM greater = v_gt(z[k], largest);
        largest = v_select(greater, z[k], largest);
        *winner = vi_select(greater, vi_set1(offset[k]), *winner);
    }
    return largest;
}

/* Windows whose first element is x[0] and stands at `position`. */
static inline void forward_group(const cvy_pool_shape *shape, const group *g, const float *x, int position,
                                 output *to) {
    const size_t row = (size_t)shape->width * shape->channels;
    const V top[2] = {v_loadu(x), v_loadu(x + VL)}, bottom[2] = {v_loadu(x + row), v_loadu(x + row + VL)};
    const V z[4] = {pick_lanes(&g->even, top[0], top[1]), pick_lanes(&g->odd, top[0], top[1]),
                    pick_lanes(&g->even, bottom[0], bottom[1]), pick_lanes(&g->odd, bottom[0], bottom[1])};
    VI winner;
    const V largest = largest_of(z, shape->width, &winner);
    winner = vi_add(winner, vi_add(vi_load(g->column), vi_set1(position)));
    put(to, largest, winner, (size_t)g->pixels * shape->channels);
}

/* The last group of a row is the row's last pixels: some may be computed twice. */
static void forward_grouped(const cvy_pool_shape *shape, const group *g, const float *x, output *to) {
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox += g->pixels) {
            const int first = least(ox, shape->output_width - g->pixels);
            const size_t again = (size_t)(ox - first) * shape->channels;
            const int position = 2 * oy * shape->width + 2 * first;
            to->y -= again;
            to->winner = to->winner ? to->winner - again : NULL;
            forward_group(shape, g, x + (size_t)position * shape->channels, position, to);
        }
}

static void forward_wide(const cvy_pool_shape *shape, const float *x, output *to) {
    const size_t channels = shape->channels, row = shape->width * channels;
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++) {
            const int position = 2 * oy * shape->width + 2 * ox;
            const float *first = x + position * channels;
            for (size_t c = 0; c < channels; c += VL, first += VL) {
                const V z[4] = {v_loadu(first), v_loadu(first + channels), v_loadu(first + row),
                                v_loadu(first + row + channels)};
                VI winner;
                const V largest = largest_of(z, shape->width, &winner);
                put(to, largest, vi_add(winner, vi_set1(position)), channels - c < VL ? channels - c : VL);
            }
        }
}

void KERNEL(maxpool_forward_nhwc)(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                  int32_t *winner) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y) && cvy_is_float_aligned_or_null(winner));
    const size_t outputs = (size_t)count * shape->output_height * shape->output_width * shape->channels;
    const size_t image = (size_t)shape->height * shape->width * shape->channels;
    output to = {y, y + outputs, winner, winner ? winner + outputs : NULL};
    const bool plain = is_plain_2x2(shape), grouped = plain && is_grouped(shape);
    const group g = group_of(grouped ? shape->channels : 1);
    for (int n = 0; n < count; n++, x += image) {
        if (grouped)
            forward_grouped(shape, &g, x, &to);
        else if (plain)
            forward_wide(shape, x, &to);
        else
            forward_any(shape, x, &to);
    }
}

/* ---- Backward --------------------------------------------------------------------------------------------------- */

/* Where each gradient goes is in the data: one by one. */
static void backward_any(const cvy_pool_shape *shape, const float *dy, const int32_t *winner, float *dx) {
    const int channels = shape->channels, outputs = shape->output_height * shape->output_width;
    memset(dx, 0, (size_t)shape->height * shape->width * channels * sizeof *dx);
    for (int p = 0; p < outputs; p++, dy += channels, winner += channels)
        for (int c = 0; c < channels; c++)
            dx[(size_t)winner[c] * channels + c] += dy[c];
}

/* Half `half` of the columns of a group in one row, whose first stands at `position`: the gradient where the column has
 * won, else +0; +0 + gradient, for it may be -0. */
static inline V columns_of(const group *g, int half, V gradient, VI winner, int position) {
    const VI from = vi_load(g->from[half]);
    const VM won = vi_eq(vi_permute(winner, from), vi_add(vi_load(g->to_column[half]), vi_set1(position)));
    return v_add(v_zero(), v_select(won, v_permute(gradient, from), v_zero()));
}

/* The covered columns of input row iy, from the row of windows that covers it. */
static void backward_row_grouped(const cvy_pool_shape *shape, const group *g, int iy, const float *dy,
                                 const int32_t *winner, float *dx, const float *end) {
    const int channels = shape->channels;
    for (int ox = 0; ox < shape->output_width; ox += g->pixels) {
        const int first = least(ox, shape->output_width - g->pixels), position = iy * shape->width + 2 * first;
        const V gradient = v_loadu(dy + (size_t)first * channels);
        const VI won = vi_loadu(winner + (size_t)first * channels);
        float *to = dx + (size_t)2 * first * channels;
        store_before(to, columns_of(g, 0, gradient, won, position), end);
        store_before(to + VL, columns_of(g, 1, gradient, won, position), end);
    }
}

static void backward_row_wide(const cvy_pool_shape *shape, int iy, const float *dy, const int32_t *winner, float *dx,
                              const float *end) {
    const int channels = shape->channels;
    for (int ix = 0; ix < 2 * shape->output_width; ix++, dx += channels) {
        const VI position = vi_set1(iy * shape->width + ix);
        const size_t from = (size_t)(ix / 2) * channels;
        for (int c = 0; c < channels; c += VL) {
            const VM won = vi_eq(vi_loadu(winner + from + c), position);
            store_before(dx + c, v_add(v_zero(), v_select(won, v_loadu(dy + from + c), v_zero())), end);
        }
    }
}

/* Row by row, from the first element to the last; rows and columns that no window covers are +0. */
static void backward_2x2(const cvy_pool_shape *shape, const group *g, const float *dy, const int32_t *winner, float *dx,
                         const float *end) {
    const size_t row = (size_t)shape->width * shape->channels, y_row = (size_t)shape->output_width * shape->channels;
    for (int iy = 0; iy < 2 * shape->output_height; iy++, dx += row) {
        const size_t from = iy / 2 * y_row;
        if (g)
            backward_row_grouped(shape, g, iy, dy + from, winner + from, dx, end);
        else
            backward_row_wide(shape, iy, dy + from, winner + from, dx, end);
        memset(dx + 2 * y_row, 0, (row - 2 * y_row) * sizeof *dx);
    }
    memset(dx, 0, (shape->height - 2 * shape->output_height) * row * sizeof *dx);
}

/* dx *= derivative */
static void multiply(const float *derivative, float *dx, const float *end) {
    for (; end - dx >= VL; dx += VL, derivative += VL)
        v_storeu(dx, v_mul(v_loadu(dx), v_loadu(derivative)));
    for (; dx < end; dx++, derivative++)
        *dx *= *derivative;
}

void KERNEL(maxpool_backward_nhwc)(const cvy_pool_shape *shape, int32_t count, const float *dy, const int32_t *winner,
                                   const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_float_aligned(winner));
    assert(cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    const size_t outputs = (size_t)shape->output_height * shape->output_width * shape->channels;
    const size_t image = (size_t)shape->height * shape->width * shape->channels;
    const float *end = dx + count * image;
    const bool plain = is_plain_2x2(shape), grouped = plain && is_grouped(shape);
    const group g = group_of(grouped ? shape->channels : 1);
    for (int n = 0; n < count; n++) {
        if (plain)
            backward_2x2(shape, grouped ? &g : NULL, dy + n * outputs, winner + n * outputs, dx + n * image, end);
        else
            backward_any(shape, dy + n * outputs, winner + n * outputs, dx + n * image);
    }
    if (derivative)
        multiply(derivative, dx, end);
}
