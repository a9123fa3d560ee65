/* Maximum and average pooling: any window, stride and padding. A pixel's channels x 16 lanes are a run of vectors; what
 * bounds these kernels is the traffic of loads and stores. */
#include "tier.h"
#include "window.h"

static inline size_t pixel_of(const cvy_pool_shape *shape) {
    return (size_t)shape->channels * CVY_LANES;
}

/* The maximum of one vector's window, x pointing to the vector in pixel (0, 0); *argmax is its position. */
static inline V window_maximum(const cvy_pool_shape *shape, const window *w, const float *x, VI *argmax) {
    const size_t pixel = pixel_of(shape);
    const int first = w->top * shape->width + w->left;
    V largest = v_load(x + first * pixel);
    *argmax = vi_set1(first);
    for (int iy = w->top; iy < w->bottom; iy++) {
        for (int ix = w->left; ix < w->right; ix++) {
            const int position = iy * shape->width + ix;
            const V value = v_load(x + position * pixel);
            const VM greater = v_gt(value, largest);
            largest = v_select(greater, value, largest);
            *argmax = vi_select(greater, vi_set1(position), *argmax);
        }
    }
    return largest;
}

void KERNEL(maxpool_forward_hwc16n)(const cvy_pool_shape *shape, const float *x, float *y, int32_t *argmax) {
    assert(cvy_is_pool(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(argmax));
    const size_t pixel = pixel_of(shape);
    size_t at = 0;
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++, at += pixel) {
            const window w = window_at(shape, oy, ox);
            for (size_t i = 0; i < pixel; i += VL) {
                VI position;
                v_store(y + at + i, window_maximum(shape, &w, x + i, &position));
                if (argmax)
                    vi_store(argmax + at + i, position);
            }
        }
    }
}

static inline size_t inputs_of(const cvy_pool_shape *shape) {
    return pixel_of(shape) * shape->width * shape->height;
}

/* dx = +0, before the windows add to it. */
static void clear(const cvy_pool_shape *shape, float *dx) {
    for (size_t i = 0; i < inputs_of(shape); i += VL)
        v_store(dx + i, v_zero());
}

/* dx *= derivative, after all windows have. */
static void multiply(const cvy_pool_shape *shape, const float *derivative, float *dx) {
    for (size_t i = 0; i < inputs_of(shape); i += VL)
        v_store(dx + i, v_mul(v_load(dx + i), v_load(derivative + i)));
}

void KERNEL(maxpool_backward_hwc16n)(const cvy_pool_shape *shape, const float *dy, const int32_t *argmax,
                                     const float *derivative, float *dx) {
    assert(cvy_is_pool(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const size_t pixel = pixel_of(shape);
    clear(shape, dx);
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++, dy += pixel, argmax += pixel) {
            const window w = window_at(shape, oy, ox);
            for (int iy = w.top; iy < w.bottom; iy++) {
                for (int ix = w.left; ix < w.right; ix++) {
                    const int position = iy * shape->width + ix;
                    float *to = dx + position * pixel;
                    for (size_t i = 0; i < pixel; i += VL) {
                        const VM chosen = vi_eq(vi_load(argmax + i), vi_set1(position));
                        const V before = v_load(to + i);
                        v_store(to + i, v_select(chosen, v_add(before, v_load(dy + i)), before));
                    }
                }
            }
        }
    }
    if (derivative)
        multiply(shape, derivative, dx);
}

void KERNEL(avgpool_forward_hwc16n)(const cvy_pool_shape *shape, const float *x, float *y) {
    assert(cvy_is_pool(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y));
    const size_t pixel = pixel_of(shape);
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++, y += pixel) {
            const window w = window_at(shape, oy, ox);
            const V share = v_set1(share_of(&w));
            for (size_t i = 0; i < pixel; i += VL) {
                V sum = v_zero();
                for (int iy = w.top; iy < w.bottom; iy++)
                    for (int ix = w.left; ix < w.right; ix++)
                        sum = v_add(sum, v_load(x + ((size_t)iy * shape->width + ix) * pixel + i));
                v_store(y + i, v_mul(sum, share));
            }
        }
    }
}

void KERNEL(avgpool_backward_hwc16n)(const cvy_pool_shape *shape, const float *dy, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const size_t pixel = pixel_of(shape);
    clear(shape, dx);
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++, dy += pixel) {
            const window w = window_at(shape, oy, ox);
            const V share = v_set1(share_of(&w));
            for (int iy = w.top; iy < w.bottom; iy++) {
                for (int ix = w.left; ix < w.right; ix++) {
                    float *to = dx + ((size_t)iy * shape->width + ix) * pixel;
                    for (size_t i = 0; i < pixel; i += VL)
                        v_store(to + i, v_add(v_load(to + i), v_mul(v_load(dy + i), share)));
                }
            }
        }
    }
    if (derivative)
        multiply(shape, derivative, dx);
}
