/* Maximum pooling in NCHW16C. A plane, 16 channels of one image, looks like a block of HWC16N with one channel. */
#include "../contract.h"
#include "nchw16c.h"

static nchw16c_extents input_of(const cvy_pool_shape *shape) {
    return (nchw16c_extents){shape->height, shape->width, shape->channels};
}

static nchw16c_extents output_of(const cvy_pool_shape *shape) {
    return (nchw16c_extents){shape->output_height, shape->output_width, shape->channels};
}

static int clip(int position, int extent) {
    return position < 0 ? 0 : position < extent ? position : extent;
}

/* The largest element of window (oy, ox) of channel c; *winner is its position. */
static float maximum(const cvy_pool_shape *shape, const float *x, int n, int oy, int ox, int c, int32_t *winner) {
    const int y = oy * shape->stride_y - shape->pad_top, left = ox * shape->stride_x - shape->pad_left;
    float largest = 0.0f;
    *winner = -1;
    for (int iy = clip(y, shape->height); iy < clip(y + shape->window_height, shape->height); iy++) {
        for (int ix = clip(left, shape->width); ix < clip(left + shape->window_width, shape->width); ix++) {
            const float value = x[nchw16c(input_of(shape), n, iy, ix, c)];
            if (*winner < 0 || value > largest) {
                largest = value;
                *winner = iy * shape->width + ix;
            }
        }
    }
    return largest;
}

void cvy_maxpool_forward_nchw16c_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                        int32_t *winner) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(winner));
    for (int n = 0; n < count; n++) {
        for (int oy = 0; oy < shape->output_height; oy++) {
            for (int ox = 0; ox < shape->output_width; ox++) {
                for (int c = 0; c < nchw16c_padded(shape->channels); c++) {
                    const size_t at = nchw16c(output_of(shape), n, oy, ox, c);
                    int32_t position;
                    y[at] = maximum(shape, x, n, oy, ox, c, &position);
                    if (winner)
                        winner[at] = position;
                }
            }
        }
    }
}

void cvy_maxpool_backward_nchw16c_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                         const int32_t *winner, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(winner) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const size_t inputs = nchw16c(input_of(shape), count, 0, 0, 0);
    for (size_t i = 0; i < inputs; i++)
        dx[i] = 0.0f;
    for (int n = 0; n < count; n++) {
        for (int oy = 0; oy < shape->output_height; oy++) {
            for (int ox = 0; ox < shape->output_width; ox++) {
                for (int c = 0; c < nchw16c_padded(shape->channels); c++) {
                    const size_t at = nchw16c(output_of(shape), n, oy, ox, c);
                    const int iy = winner[at] / shape->width, ix = winner[at] % shape->width;
                    dx[nchw16c(input_of(shape), n, iy, ix, c)] += dy[at];
                }
            }
        }
    }
    for (size_t i = 0; derivative && i < inputs; i++)
        dx[i] *= derivative[i];
}
