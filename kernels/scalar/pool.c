/* Maximum and average pooling of a block, any window, stride and padding. */
#include "../contract.h"
#include "layout.h"
#include "window.h"

/* The largest element of channel c, lane l; *argmax is its position. */
static float maximum(const cvy_pool_shape *shape, const float *x, const window *w, int c, int l, int32_t *argmax) {
    *argmax = w->top * shape->width + w->left;
    float largest = x[hwc16n(shape->width, shape->channels, w->top, w->left, c) + l];
    for (int iy = w->top; iy < w->bottom; iy++) {
        for (int ix = w->left; ix < w->right; ix++) {
            const float value = x[hwc16n(shape->width, shape->channels, iy, ix, c) + l];
            if (value > largest) {
                largest = value;
                *argmax = iy * shape->width + ix;
            }
        }
    }
    return largest;
}

void cvy_maxpool_forward_hwc16n_scalar(const cvy_pool_shape *shape, const float *x, float *y, int32_t *argmax) {
    assert(cvy_is_pool(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(argmax));
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++) {
            const window w = window_at(shape, oy, ox);
            for (int c = 0; c < shape->channels; c++) {
                const size_t at = hwc16n(shape->output_width, shape->channels, oy, ox, c);
                for (int l = 0; l < CVY_LANES; l++) {
                    int32_t position;
                    y[at + l] = maximum(shape, x, &w, c, l, &position);
                    if (argmax)
                        argmax[at + l] = position;
                }
            }
        }
    }
}

/* dx = +0, before the windows add to it. */
static void clear(const cvy_pool_shape *shape, float *dx) {
    for (int position = 0; position < shape->height * shape->width; position++)
        for (int i = 0; i < shape->channels * CVY_LANES; i++)
            dx[(size_t)position * shape->channels * CVY_LANES + i] = 0.0f;
}

/* dx *= derivative, after all windows have. */
static void multiply(const cvy_pool_shape *shape, const float *derivative, float *dx) {
    for (int position = 0; position < shape->height * shape->width; position++)
        for (int i = 0; i < shape->channels * CVY_LANES; i++) {
            const size_t at = (size_t)position * shape->channels * CVY_LANES + i;
            dx[at] *= derivative[at];
        }
}

void cvy_maxpool_backward_hwc16n_scalar(const cvy_pool_shape *shape, const float *dy, const int32_t *argmax,
                                        const float *derivative, float *dx) {
    assert(cvy_is_pool(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    clear(shape, dx);
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++) {
            for (int c = 0; c < shape->channels; c++) {
                const size_t at = hwc16n(shape->output_width, shape->channels, oy, ox, c);
                for (int l = 0; l < CVY_LANES; l++)
                    dx[((size_t)argmax[at + l] * shape->channels + c) * CVY_LANES + l] += dy[at + l];
            }
        }
    }
    if (derivative)
        multiply(shape, derivative, dx);
}

void cvy_avgpool_forward_hwc16n_scalar(const cvy_pool_shape *shape, const float *x, float *y) {
    assert(cvy_is_pool(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y));
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++) {
            const window w = window_at(shape, oy, ox);
            const float share = share_of(&w);
            for (int c = 0; c < shape->channels; c++) {
                float sum[CVY_LANES] = {0};
                for (int iy = w.top; iy < w.bottom; iy++)
                    for (int ix = w.left; ix < w.right; ix++)
                        for (int l = 0; l < CVY_LANES; l++)
                            sum[l] += x[hwc16n(shape->width, shape->channels, iy, ix, c) + l];
                for (int l = 0; l < CVY_LANES; l++)
                    y[hwc16n(shape->output_width, shape->channels, oy, ox, c) + l] = sum[l] * share;
            }
        }
    }
}

void cvy_avgpool_backward_hwc16n_scalar(const cvy_pool_shape *shape, const float *dy, const float *derivative,
                                        float *dx) {
    assert(cvy_is_pool(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    clear(shape, dx);
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++) {
            const window w = window_at(shape, oy, ox);
            const float share = share_of(&w);
            const float *gradient = dy + hwc16n(shape->output_width, shape->channels, oy, ox, 0);
            for (int iy = w.top; iy < w.bottom; iy++)
                for (int ix = w.left; ix < w.right; ix++)
                    for (int i = 0; i < shape->channels * CVY_LANES; i++)
                        dx[hwc16n(shape->width, shape->channels, iy, ix, 0) + i] += gradient[i] * share;
        }
    }
    if (derivative)
        multiply(shape, derivative, dx);
}
