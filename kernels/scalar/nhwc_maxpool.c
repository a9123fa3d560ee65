/* Maximum pooling of images in NHWC, any window, stride and padding. */
#include "../contract.h"

/* Element (y, x, c) of image n. */
static size_t element(int height, int width, int channels, int n, int y, int x, int c) {
    return (((size_t)n * height + y) * width + x) * channels + c;
}

static int clip(int position, int extent) {
    return position < 0 ? 0 : position < extent ? position : extent;
}

/* The largest element of channel c in window (oy, ox) of image n; *winner is its position. */
static float maximum(const cvy_pool_shape *shape, const float *x, int n, int oy, int ox, int c, int32_t *winner) {
    const int y = oy * shape->stride_y - shape->pad_top, left = ox * shape->stride_x - shape->pad_left;
    const int bottom = clip(y + shape->window_height, shape->height);
    const int right = clip(left + shape->window_width, shape->width);
    const int top = clip(y, shape->height), first = clip(left, shape->width);
    *winner = top * shape->width + first;
    float largest = x[element(shape->height, shape->width, shape->channels, n, top, first, c)];
    for (int iy = top; iy < bottom; iy++) {
        for (int ix = first; ix < right; ix++) {
            const float value = x[element(shape->height, shape->width, shape->channels, n, iy, ix, c)];
            if (value > largest) {
                largest = value;
                *winner = iy * shape->width + ix;
            }
        }
    }
    return largest;
}

void cvy_maxpool_forward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                     int32_t *winner) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y) && cvy_is_float_aligned_or_null(winner));
    size_t at = 0;
    for (int n = 0; n < count; n++)
        for (int oy = 0; oy < shape->output_height; oy++)
            for (int ox = 0; ox < shape->output_width; ox++)
                for (int c = 0; c < shape->channels; c++, at++) {
                    int32_t position;
                    y[at] = maximum(shape, x, n, oy, ox, c, &position);
                    if (winner)
                        winner[at] = position;
                }
}

void cvy_maxpool_backward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                      const int32_t *winner, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_float_aligned(winner));
    assert(cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    const size_t image = element(shape->height, shape->width, shape->channels, 1, 0, 0, 0);
    for (size_t i = 0; i < count * image; i++)
        dx[i] = 0.0f;
    size_t at = 0;
    for (int n = 0; n < count; n++)
        for (int p = 0; p < shape->output_height * shape->output_width; p++)
            for (int c = 0; c < shape->channels; c++, at++)
                dx[n * image + (size_t)winner[at] * shape->channels + c] += dy[at];
    for (size_t i = 0; derivative && i < count * image; i++)
        dx[i] *= derivative[i];
}
