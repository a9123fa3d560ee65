/* Convolution of images in NHWC, valid padding, any kernel size and stride: forward and both gradients. */
#include <math.h>

#include "../contract.h"
#include "../scratch.h"
#include "layout.h"

/* Element (y, x, f) of image n of the outputs. */
static size_t output_at(const cvy_conv2d_shape *shape, int n, int y, int x, int f) {
    return (((size_t)n * shape->output_height + y) * shape->output_width + x) * shape->filters + f;
}

/* The chain of y[oy][ox][f] of image n: bias first, then ky, kx, c ascending. */
static float output(const cvy_conv2d_shape *shape, const float *x, const float *weights, float bias, int n, int oy,
                    int ox, int f) {
    float sum = bias;
    for (int ky = 0; ky < shape->kernel_height; ky++)
        for (int kx = 0; kx < shape->kernel_width; kx++)
            for (int c = 0; c < shape->input.channels; c++)
                sum = fmaf(x[nhwc(&shape->input, n, oy * shape->stride_y + ky, ox * shape->stride_x + kx, c)],
                           weights[hwio(shape, ky, kx, c, f)], sum);
    return sum;
}

void cvy_conv2d_forward_nhwc_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *x, const float *weights,
                                    const float *bias, float *y, float *scratch) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias));
    assert(cvy_is_float_aligned(y) && cvy_is_aligned(scratch));
    (void)scratch; /* where vector tiers put output columns side by side */
    for (int n = 0; n < count; n++)
        for (int oy = 0; oy < shape->output_height; oy++)
            for (int ox = 0; ox < shape->output_width; ox++)
                for (int f = 0; f < shape->filters; f++)
                    y[output_at(shape, n, oy, ox, f)] = output(shape, x, weights, bias ? bias[f] : 0.0f, n, oy, ox, f);
}

/* The chain of dx[y][x][c] of image n over the outputs that look at it: oy, ox, f ascending. */
static float input_gradient(const cvy_conv2d_shape *shape, const float *dy, const float *weights, int n, int y, int x,
                            int c) {
    const cover rows = outputs_over(y, shape->kernel_height, shape->stride_y, shape->output_height);
    const cover columns = outputs_over(x, shape->kernel_width, shape->stride_x, shape->output_width);
    float sum = 0.0f;
    for (int oy = rows.first; oy <= rows.last; oy++)
        for (int ox = columns.first; ox <= columns.last; ox++)
            for (int f = 0; f < shape->filters; f++)
                sum = fmaf(dy[output_at(shape, n, oy, ox, f)],
                           weights[hwio(shape, y - oy * shape->stride_y, x - ox * shape->stride_x, c, f)], sum);
    return sum;
}

void cvy_conv2d_backward_data_nhwc_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *dy,
                                          const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_aligned(weights) && cvy_is_float_aligned_or_null(derivative));
    assert(cvy_is_float_aligned(dx) && cvy_is_aligned(scratch));
    (void)scratch; /* where vector tiers turn the weights, and sum */
    const cvy_image_shape *input = &shape->input;
    for (int n = 0; n < count; n++)
        for (int y = 0; y < input->height; y++)
            for (int x = 0; x < input->width; x++)
                for (int c = 0; c < input->channels; c++) {
                    const size_t at = nhwc(input, n, y, x, c);
                    const float sum = input_gradient(shape, dy, weights, n, y, x, c);
                    dx[at] = derivative ? sum * derivative[at] : sum;
                }
}

/* The chain of dweights[ky][kx][c][f]: images ascending, in each oy, ox ascending. */
static float weight_gradient(const cvy_conv2d_shape *shape, int count, const float *x, const float *dy, int ky, int kx,
                             int c, int f) {
    float sum = 0.0f;
    for (int n = 0; n < count; n++)
        for (int oy = 0; oy < shape->output_height; oy++)
            for (int ox = 0; ox < shape->output_width; ox++)
                sum = fmaf(dy[output_at(shape, n, oy, ox, f)],
                           x[nhwc(&shape->input, n, oy * shape->stride_y + ky, ox * shape->stride_x + kx, c)], sum);
    return sum + 0.0f;
}

/* An image's sum over its outputs, then the fold over 16 images. */
static float bias_gradient(const cvy_conv2d_shape *shape, int count, const float *dy, int f) {
    float sums[CVY_LANES] = {0};
    for (int n = 0; n < count; n++)
        for (int oy = 0; oy < shape->output_height; oy++)
            for (int ox = 0; ox < shape->output_width; ox++)
                sums[n] += dy[output_at(shape, n, oy, ox, f)];
    return fold_lanes(sums);
}

void cvy_conv2d_backward_weights_nhwc_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *x,
                                             const float *dy, float *dweights, float *dbias) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    for (int ky = 0; ky < shape->kernel_height; ky++)
        for (int kx = 0; kx < shape->kernel_width; kx++)
            for (int c = 0; c < shape->input.channels; c++)
                for (int f = 0; f < shape->filters; f++)
                    dweights[hwio(shape, ky, kx, c, f)] = weight_gradient(shape, count, x, dy, ky, kx, c, f);
    for (int f = 0; dbias && f < shape->filters; f++)
        dbias[f] = bias_gradient(shape, count, dy, f);
}
