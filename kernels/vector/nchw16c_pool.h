/* What maximum and average pooling in NCHW16C share: any window, stride and padding, and a way of its own for 2x2
 * windows side by side.
 *
 * A plane, 16 channels of one image, is pooled as a block of HWC16N with one channel would be. Loads and stores bound
 * these kernels. */
#ifndef CVY_VECTOR_NCHW16C_POOL_H
#define CVY_VECTOR_NCHW16C_POOL_H

#include "tier.h"
#include "window.h"

enum { PIXEL = 16 };

static inline size_t planes_of(const cvy_pool_shape *shape, int images) {
    return (size_t)images * ((shape->channels + PIXEL - 1) / PIXEL);
}

/* Floats of a plane of inputs, and of outputs. */
static inline size_t x_plane_of(const cvy_pool_shape *shape) {
    return (size_t)shape->height * shape->width * PIXEL;
}

static inline size_t y_plane_of(const cvy_pool_shape *shape) {
    return (size_t)shape->output_height * shape->output_width * PIXEL;
}

/* ---- 2x2 windows backward: an element takes a quarter of its window's gradient, or the argmax takes all of it
 * --------
 *
 * `average` is a constant where these are inlined; argmax is NULL then. */

/* Pixels outside all windows. */
static inline void clear(int pixels, const float *derivative, float *dx) {
    for (int i = 0; i < pixels * PIXEL; i += VL)
        v_store(dx + i, derivative ? v_mul(v_zero(), v_load(derivative + i)) : v_zero());
}

/* VL channels of one window, whose first element stands at `first`; +0 and dy, which is not always dy: it may be -0. */
TILE_BODY void backward_window_2x2(const bool average, int first, int width, const float *dy, const int32_t *argmax,
                                   const float *derivative, float *dx) {
    const V sum = v_add(v_zero(), average ? v_mul(v_load(dy), v_set1(0.25f)) : v_load(dy));
    UNROLL for (int tap = 0; tap < 4; tap++) {
        const int position = first + tap / 2 * width + tap % 2;
        const size_t to = (size_t)position * PIXEL;
        const V own = average ? sum : v_select(vi_eq(vi_load(argmax), vi_set1(position)), sum, v_zero());
        v_store(dx + to, derivative ? v_mul(own, v_load(derivative + to)) : own);
    }
}

TILE_BODY void backward_rows_2x2(const bool average, const cvy_pool_shape *shape, int oy, const float *dy,
                                 const int32_t *argmax, const float *derivative, float *dx) {
    const int width = shape->width;
    for (int ox = 0; ox < shape->output_width; ox++)
        UNROLL for (int i = 0; i < PIXEL; i += VL) {
            const size_t from = (size_t)ox * PIXEL + i;
            backward_window_2x2(average, 2 * (oy * width + ox), width, dy + from, average ? NULL : argmax + from,
                                derivative ? derivative + i : NULL, dx + i);
        }
    for (int y = 2 * oy; y < 2 * oy + 2; y++) {
        const size_t right = ((size_t)y * width + 2 * shape->output_width) * PIXEL;
        clear(width - 2 * shape->output_width, derivative ? derivative + right : NULL, dx + right);
    }
}

TILE_BODY void backward_plane_2x2(const bool average, const cvy_pool_shape *shape, const float *dy,
                                  const int32_t *argmax, const float *derivative, float *dx) {
    const size_t row = (size_t)shape->output_width * PIXEL;
    for (int oy = 0; oy < shape->output_height; oy++) {
        const int32_t *from_argmax = argmax ? argmax + oy * row : NULL;
        if (derivative)
            backward_rows_2x2(average, shape, oy, dy + oy * row, from_argmax, derivative, dx);
        else
            backward_rows_2x2(average, shape, oy, dy + oy * row, from_argmax, NULL, dx);
    }
    const size_t below = (size_t)2 * shape->output_height * shape->width * PIXEL;
    clear((shape->height - 2 * shape->output_height) * shape->width, derivative ? derivative + below : NULL,
          dx + below);
}

#endif
