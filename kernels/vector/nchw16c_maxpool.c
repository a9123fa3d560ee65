/* Maximum pooling in NCHW16C; see nchw16c_pool.h. */
#include "nchw16c_pool.h"
#include "tier.h"

/* ---- Forward ---------------------------------------------------------------------------------------------------- */

/* A later element wins only if it is greater. */
TILE_BODY void take_greater(V value, VI position, V *largest, VI *argmax) {
    const VM greater = v_gt(value, *largest);
    *largest = v_select(greater, value, *largest);
    *argmax = vi_select(greater, position, *argmax);
}

static void forward_plane(const cvy_pool_shape *shape, const float *x, float *y, int32_t *argmax) {
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
                if (argmax)
                    vi_store(argmax + i, position);
            }
            if (argmax)
                argmax += PIXEL;
        }
    }
}

static void forward_plane_2x2(const cvy_pool_shape *shape, const float *x, float *y, int32_t *argmax) {
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
                if (argmax)
                    vi_store(argmax + i, position);
            }
            if (argmax)
                argmax += PIXEL;
        }
    }
}

void KERNEL(maxpool_forward_nchw16c)(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                     int32_t *argmax) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(argmax));
    const size_t x_plane = x_plane_of(shape), y_plane = y_plane_of(shape);
    const bool simple = is_plain_2x2(shape);
    for (size_t p = planes_of(shape, count); p > 0; p--, x += x_plane, y += y_plane) {
        if (simple)
            forward_plane_2x2(shape, x, y, argmax);
        else
            forward_plane(shape, x, y, argmax);
        if (argmax)
            argmax += y_plane;
    }
}

/* ---- Backward --------------------------------------------------------------------------------------------------- */

static void backward_plane(const cvy_pool_shape *shape, const float *dy, const int32_t *argmax, const float *derivative,
                           float *dx) {
    const size_t count = (size_t)shape->height * shape->width * PIXEL;
    for (size_t i = 0; i < count; i += VL)
        v_store(dx + i, v_zero());
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++, dy += PIXEL, argmax += PIXEL) {
            const window w = window_at(shape, oy, ox);
            for (int iy = w.top; iy < w.bottom; iy++) {
                for (int ix = w.left, at = iy * shape->width + ix; ix < w.right; ix++, at++) {
                    float *to = dx + (size_t)at * PIXEL;
                    for (int i = 0; i < PIXEL; i += VL) {
                        const VM chosen = vi_eq(vi_load(argmax + i), vi_set1(at));
                        const V before = v_load(to + i);
                        v_store(to + i, v_select(chosen, v_add(before, v_load(dy + i)), before));
                    }
                }
            }
        }
    }
    for (size_t i = 0; derivative && i < count; i += VL)
        v_store(dx + i, v_mul(v_load(dx + i), v_load(derivative + i)));
}

void KERNEL(maxpool_backward_nchw16c)(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                      const int32_t *argmax, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const size_t x_plane = x_plane_of(shape), y_plane = y_plane_of(shape);
    const bool simple = is_plain_2x2(shape);
    for (size_t p = planes_of(shape, count); p > 0; p--, dy += y_plane, argmax += y_plane, dx += x_plane) {
        if (simple)
            backward_plane_2x2(false, shape, dy, argmax, derivative, dx);
        else
            backward_plane(shape, dy, argmax, derivative, dx);
        if (derivative)
            derivative += x_plane;
    }
}
