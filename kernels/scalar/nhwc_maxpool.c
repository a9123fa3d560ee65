/* Maximum pooling of images in NHWC, any window, stride and padding. */
#include "../contract.h"
#include "nhwc_pool.h"
#include "window.h"

/* The largest element of channel c in window (oy, ox) of image n; *argmax is its position. */
static float maximum(const cvy_pool_shape *shape, const float *x, int n, int oy, int ox, int c, int32_t *argmax) {
    const window w = window_at(shape, oy, ox);
    *argmax = w.top * shape->width + w.left;
    float largest = x[input_at(shape, n, w.top, w.left, c)];
    for (int iy = w.top; iy < w.bottom; iy++) {
        for (int ix = w.left; ix < w.right; ix++) {
            const float value = x[input_at(shape, n, iy, ix, c)];
            if (value > largest) {
                largest = value;
                *argmax = iy * shape->width + ix;
            }
        }
    }
    return largest;
}

void cvy_maxpool_forward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                     int32_t *argmax) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y) && cvy_is_float_aligned_or_null(argmax));
    size_t at = 0;
    for (int n = 0; n < count; n++)
        for (int oy = 0; oy < shape->output_height; oy++)
            for (int ox = 0; ox < shape->output_width; ox++)
                for (int c = 0; c < shape->channels; c++, at++) {
                    int32_t position;
                    y[at] = maximum(shape, x, n, oy, ox, c, &position);
                    if (argmax)
                        argmax[at] = position;
                }
}

void cvy_maxpool_backward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                      const int32_t *argmax, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_float_aligned(argmax));
    assert(cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    const size_t image = input_at(shape, 1, 0, 0, 0);
    for (size_t i = 0; i < count * image; i++)
        dx[i] = 0.0f;
    size_t at = 0;
    for (int n = 0; n < count; n++)
        for (int p = 0; p < shape->output_height * shape->output_width; p++)
            for (int c = 0; c < shape->channels; c++, at++)
                dx[n * image + (size_t)argmax[at] * shape->channels + c] += dy[at];
    for (size_t i = 0; derivative && i < count * image; i++)
        dx[i] *= derivative[i];
}
