/* Maximum pooling in NCHW16C: any window, stride and padding, and a way of its own for 2x2 windows side by side.
 *
 * A plane, 16 channels of one image, is pooled as a block of HWC16N with one channel would be. Loads and stores bound
 * these kernels. */
#include "../contract.h"
#include "tile.h"

enum { PIXEL = 16 };

static inline size_t planes_of(const cvy_pool_shape *shape, int images) {
    return (size_t)images * ((shape->channels + PIXEL - 1) / PIXEL);
}

/* Windows of 2x2 that neither overlap nor leave gaps, and lie within the image. */
static inline bool is_2x2(const cvy_pool_shape *shape) {
    return shape->window_height == 2 && shape->window_width == 2 && shape->stride_y == 2 && shape->stride_x == 2 &&
           shape->pad_top == 0 && shape->pad_left == 0 && 2 * shape->output_height <= shape->height &&
           2 * shape->output_width <= shape->width;
}

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

/* ---- Forward ---------------------------------------------------------------------------------------------------- */

/* A later element wins only if it is greater. */
TILE_BODY void take_greater(V value, VI position, V *largest, VI *winner) {
    const VM greater = v_gt(value, *largest);
    *largest = v_select(greater, value, *largest);
    *winner = vi_select(greater, position, *winner);
}

static void forward_plane(const cvy_pool_shape *shape, const float *x, float *y, int32_t *winner) {
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++, y += PIXEL) {
            const window w = window_at(shape, oy, ox);
            const int first = w.top * shape->width + w.left;
            for (int i = 0; i < PIXEL; i += VL) {
                V largest = v_load(x + (size_t)first * PIXEL + i);
                VI position = vi_set1(first);
                for (int iy = w.top; iy < w.bottom; iy++)
                    for (int ix = w.left, at = iy * shape->width + ix; ix < w.right; ix++, at++)
                        take_greater(v_load(x + (size_t)at * PIXEL + i), vi_set1(at), &largest, &position);
                v_store(y + i, largest);
                if (winner)
                    vi_store(winner + i, position);
            }
            if (winner)
                winner += PIXEL;
        }
    }
}

static void forward_plane_2x2(const cvy_pool_shape *shape, const float *x, float *y, int32_t *winner) {
    const int width = shape->width;
    const size_t row = (size_t)width * PIXEL;
    for (int oy = 0; oy < shape->output_height; oy++) {
        int first = 2 * oy * width;
        for (int ox = 0; ox < shape->output_width; ox++, first += 2, y += PIXEL) {
            const float *from = x + (size_t)first * PIXEL;
            UNROLL for (int i = 0; i < PIXEL; i += VL) {
                V largest = v_load(from + i);
                VI position = vi_set1(first);
                take_greater(v_load(from + PIXEL + i), vi_set1(first + 1), &largest, &position);
                take_greater(v_load(from + row + i), vi_set1(first + width), &largest, &position);
                take_greater(v_load(from + row + PIXEL + i), vi_set1(first + width + 1), &largest, &position);
                v_store(y + i, largest);
                if (winner)
                    vi_store(winner + i, position);
            }
            if (winner)
                winner += PIXEL;
        }
    }
}

void KERNEL(maxpool_forward_nchw16c)(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                     int32_t *winner) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(winner));
    const size_t x_plane = (size_t)shape->height * shape->width * PIXEL;
    const size_t y_plane = (size_t)shape->output_height * shape->output_width * PIXEL;
    const bool simple = is_2x2(shape);
    for (size_t p = planes_of(shape, count); p > 0; p--, x += x_plane, y += y_plane) {
        if (simple)
            forward_plane_2x2(shape, x, y, winner);
        else
            forward_plane(shape, x, y, winner);
        if (winner)
            winner += y_plane;
    }
}

/* ---- Backward --------------------------------------------------------------------------------------------------- */

static void backward_plane(const cvy_pool_shape *shape, const float *dy, const int32_t *winner, const float *derivative,
                           float *dx) {
    const size_t count = (size_t)shape->height * shape->width * PIXEL;
    for (size_t i = 0; i < count; i += VL)
        v_store(dx + i, v_zero());
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++, dy += PIXEL, winner += PIXEL) {
            const window w = window_at(shape, oy, ox);
            for (int iy = w.top; iy < w.bottom; iy++) {
                for (int ix = w.left, at = iy * shape->width + ix; ix < w.right; ix++, at++) {
                    float *to = dx + (size_t)at * PIXEL;
                    for (int i = 0; i < PIXEL; i += VL) {
                        const VM won = vi_eq(vi_load(winner + i), vi_set1(at));
                        const V before = v_load(to + i);
                        v_store(to + i, v_select(won, v_add(before, v_load(dy + i)), before));
                    }
                }
            }
        }
    }
    for (size_t i = 0; derivative && i < count; i += VL)
        v_store(dx + i, v_mul(v_load(dx + i), v_load(derivative + i)));
}

/* +0 and dy, which is not always dy: it may be -0. */
TILE_BODY void store_gradient(int position, VI winner, V sum, const float *derivative, float *dx) {
    const V gradient = v_select(vi_eq(winner, vi_set1(position)), sum, v_zero());
    v_store(dx, derivative ? v_mul(gradient, v_load(derivative)) : gradient);
}

/* What no window covers. */
static void clear(int pixels, const float *derivative, float *dx) {
    for (int i = 0; i < pixels * PIXEL; i += VL)
        v_store(dx + i, derivative ? v_mul(v_zero(), v_load(derivative + i)) : v_zero());
}

TILE_BODY void backward_rows_2x2(const cvy_pool_shape *shape, int oy, const float *dy, const int32_t *winner,
                                 const float *derivative, float *dx) {
    const int width = shape->width;
    int first = 2 * oy * width;
    for (int ox = 0; ox < shape->output_width; ox++, first += 2, dy += PIXEL, winner += PIXEL) {
        UNROLL for (int i = 0; i < PIXEL; i += VL) {
            const VI at = vi_load(winner + i);
            const V sum = v_add(v_zero(), v_load(dy + i));
            UNROLL for (int tap = 0; tap < 4; tap++) {
                const int position = first + tap / 2 * width + tap % 2;
                const size_t to = (size_t)position * PIXEL + i;
                store_gradient(position, at, sum, derivative ? derivative + to : NULL, dx + to);
            }
        }
    }
    for (int y = 2 * oy; y < 2 * oy + 2; y++) {
        const size_t right = ((size_t)y * width + 2 * shape->output_width) * PIXEL;
        clear(width - 2 * shape->output_width, derivative ? derivative + right : NULL, dx + right);
    }
}

static void backward_plane_2x2(const cvy_pool_shape *shape, const float *dy, const int32_t *winner,
                               const float *derivative, float *dx) {
    const size_t row = (size_t)shape->output_width * PIXEL;
    for (int oy = 0; oy < shape->output_height; oy++, dy += row, winner += row) {
        if (derivative)
            backward_rows_2x2(shape, oy, dy, winner, derivative, dx);
        else
            backward_rows_2x2(shape, oy, dy, winner, NULL, dx);
    }
    const size_t below = (size_t)2 * shape->output_height * shape->width * PIXEL;
    clear((shape->height - 2 * shape->output_height) * shape->width, derivative ? derivative + below : NULL,
          dx + below);
}

void KERNEL(maxpool_backward_nchw16c)(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                      const int32_t *winner, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(winner) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const size_t x_plane = (size_t)shape->height * shape->width * PIXEL;
    const size_t y_plane = (size_t)shape->output_height * shape->output_width * PIXEL;
    const bool simple = is_2x2(shape);
    for (size_t p = planes_of(shape, count); p > 0; p--, dy += y_plane, winner += y_plane, dx += x_plane) {
        if (simple)
            backward_plane_2x2(shape, dy, winner, derivative, dx);
        else
            backward_plane(shape, dy, winner, derivative, dx);
        if (derivative)
            derivative += x_plane;
    }
}
