/* Average pooling of images in NHWC, any window, stride and padding. */
#include "../contract.h"
#include "nhwc_pool.h"
#include "window.h"

void cvy_avgpool_forward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    for (int n = 0; n < count; n++) {
        for (int oy = 0; oy < shape->output_height; oy++) {
            for (int ox = 0; ox < shape->output_width; ox++) {
                const window w = window_at(shape, oy, ox);
                for (int c = 0; c < shape->channels; c++) {
                    float sum = 0.0f;
                    for (int iy = w.top; iy < w.bottom; iy++)
                        for (int ix = w.left; ix < w.right; ix++)
                            sum += x[input_at(shape, n, iy, ix, c)];
                    y[output_at(shape, n, oy, ox, c)] = sum * share_of(&w);
                }
            }
        }
    }
}

/* What the windows add to channel c of image n. */
static void add_shares(const cvy_pool_shape *shape, int n, int c, const float *dy, float *dx) {
    for (int oy = 0; oy < shape->output_height; oy++) {
        for (int ox = 0; ox < shape->output_width; ox++) {
            const window w = window_at(shape, oy, ox);
            const float share = dy[output_at(shape, n, oy, ox, c)] * share_of(&w);
            for (int iy = w.top; iy < w.bottom; iy++)
                for (int ix = w.left; ix < w.right; ix++)
                    dx[input_at(shape, n, iy, ix, c)] += share;
        }
    }
}

void cvy_avgpool_backward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                      const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    const size_t inputs = input_at(shape, count, 0, 0, 0);
    for (size_t i = 0; i < inputs; i++)
        dx[i] = 0.0f;
    for (int n = 0; n < count; n++)
        for (int c = 0; c < shape->channels; c++)
            add_shares(shape, n, c, dy, dx);
    for (size_t i = 0; derivative && i < inputs; i++)
        dx[i] *= derivative[i];
}
