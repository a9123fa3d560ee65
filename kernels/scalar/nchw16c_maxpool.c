/* Maximum pooling in NCHW16C. A plane, 16 channels of one image, looks like a block of HWC16N with one channel. */
#include "../contract.h"
#include "nchw16c.h"
#include "window.h"

/* The largest element of window (oy, ox) of channel c; *argmax is its position. */
static float maximum(const cvy_pool_shape *shape, const float *x, int n, int oy, int ox, int c, int32_t *argmax) {
    const window w = window_at(shape, oy, ox);
    *argmax = w.top * shape->width + w.left;
    float largest = x[pool_input_at(shape, n, w.top, w.left, c)];
    for (int iy = w.top; iy < w.bottom; iy++) {
        for (int ix = w.left; ix < w.right; ix++) {
            const float value = x[pool_input_at(shape, n, iy, ix, c)];
            if (value > largest) {
                largest = value;
                *argmax = iy * shape->width + ix;
            }
        }
    }
    return largest;
}

void cvy_maxpool_forward_nchw16c_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                        int32_t *argmax) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(argmax));
    for (int n = 0; n < count; n++) {
        for (int oy = 0; oy < shape->output_height; oy++) {
            for (int ox = 0; ox < shape->output_width; ox++) {
                for (int c = 0; c < nchw16c_padded(shape->channels); c++) {
                    const size_t at = pool_output_at(shape, n, oy, ox, c);
                    int32_t position;
                    y[at] = maximum(shape, x, n, oy, ox, c, &position);
                    if (argmax)
                        argmax[at] = position;
                }
            }
        }
    }
}

void cvy_maxpool_backward_nchw16c_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                         const int32_t *argmax, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const size_t inputs = pool_input_at(shape, count, 0, 0, 0);
    for (size_t i = 0; i < inputs; i++)
        dx[i] = 0.0f;
    for (int n = 0; n < count; n++) {
        for (int oy = 0; oy < shape->output_height; oy++) {
            for (int ox = 0; ox < shape->output_width; ox++) {
                for (int c = 0; c < nchw16c_padded(shape->channels); c++) {
                    const size_t at = pool_output_at(shape, n, oy, ox, c);
                    const int iy = argmax[at] / shape->width, ix = argmax[at] % shape->width;
                    dx[pool_input_at(shape, n, iy, ix, c)] += dy[at];
                }
            }
        }
    }
    for (size_t i = 0; derivative && i < inputs; i++)
        dx[i] *= derivative[i];
}
