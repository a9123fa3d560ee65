/* Convolution in NCHW16C: forward, and backward to the data and to the weights. Nothing here needs scratch. */
#include <math.h>

#include "../contract.h"
#include "layout.h"
#include "nchw16c.h"

static nchw16c_extents input_of(const cvy_conv2d_shape *shape) {
    return (nchw16c_extents){shape->input.height, shape->input.width, shape->input.channels};
}

static nchw16c_extents output_of(const cvy_conv2d_shape *shape) {
    return (nchw16c_extents){shape->output_height, shape->output_width, shape->filters};
}

/* The chain of output (oy, ox, f) of image n: bias first, then ky, kx, c ascending. */
static float output(const cvy_conv2d_shape *shape, const float *x, const float *weights, const float *bias, int n,
                    int oy, int ox, int f) {
    const nchw16c_extents input = input_of(shape);
    float sum = bias ? bias[f] : 0.0f;
    for (int ky = 0; ky < shape->kernel_height; ky++)
        for (int kx = 0; kx < shape->kernel_width; kx++)
            for (int c = 0; c < input.channels; c++)
                sum = fmaf(x[nchw16c(input, n, oy * shape->stride_y + ky, ox * shape->stride_x + kx, c)],
                           weights[hwio(shape, ky, kx, c, f)], sum);
    return sum;
}

void cvy_conv2d_forward_nchw16c_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *x,
                                       const float *weights, const float *bias, float *y, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    (void)scratch;
    const nchw16c_extents extents = output_of(shape);
    for (int n = 0; n < count; n++)
        for (int oy = 0; oy < extents.height; oy++)
            for (int ox = 0; ox < extents.width; ox++)
                for (int f = 0; f < nchw16c_padded(extents.channels); f++)
                    y[nchw16c(extents, n, oy, ox, f)] =
                        f < extents.channels ? output(shape, x, weights, bias, n, oy, ox, f) : 0.0f;
}

/* The chain of input gradient (y, x, c) of image n: oy, ox, f ascending. */
static float input_gradient(const cvy_conv2d_shape *shape, const float *dy, const float *weights, int n, int y, int x,
                            int c) {
    const nchw16c_extents extents = output_of(shape);
    const cover rows = outputs_over(y, shape->kernel_height, shape->stride_y, shape->output_height);
    const cover columns = outputs_over(x, shape->kernel_width, shape->stride_x, shape->output_width);
    float sum = 0.0f;
    for (int oy = rows.first; oy <= rows.last; oy++)
        for (int ox = columns.first; ox <= columns.last; ox++)
            for (int f = 0; f < shape->filters; f++)
                sum = fmaf(dy[nchw16c(extents, n, oy, ox, f)],
                           weights[hwio(shape, y - oy * shape->stride_y, x - ox * shape->stride_x, c, f)], sum);
    return sum;
}

void cvy_conv2d_backward_data_nchw16c_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *dy,
                                             const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    (void)scratch;
    const nchw16c_extents extents = input_of(shape);
    for (int n = 0; n < count; n++) {
        for (int y = 0; y < extents.height; y++) {
            for (int x = 0; x < extents.width; x++) {
                for (int c = 0; c < nchw16c_padded(extents.channels); c++) {
                    const size_t at = nchw16c(extents, n, y, x, c);
                    const bool real = c < extents.channels;
                    const float sum = real ? input_gradient(shape, dy, weights, n, y, x, c) : 0.0f;
                    dx[at] = real && derivative ? sum * derivative[at] : sum;
                }
            }
        }
    }
}

/* The chain of dweights[ky][kx][c][f]: images ascending, in each oy, ox ascending. */
static float weight_gradient(const cvy_conv2d_shape *shape, int count, const float *x, const float *dy, int ky, int kx,
                             int c, int f) {
    float sum = 0.0f;
    for (int n = 0; n < count; n++)
        for (int oy = 0; oy < shape->output_height; oy++)
            for (int ox = 0; ox < shape->output_width; ox++)
                sum =
                    fmaf(dy[nchw16c(output_of(shape), n, oy, ox, f)],
                         x[nchw16c(input_of(shape), n, oy * shape->stride_y + ky, ox * shape->stride_x + kx, c)], sum);
    return sum + 0.0f;
}

/* The gradient of bias[f]: per image the sum of dy, then the fold of the 16 images' sums. */
static float bias_gradient(nchw16c_extents extents, int count, const float *dy, int f) {
    float images[CVY_LANES] = {0};
    for (int n = 0; n < count; n++)
        for (int oy = 0; oy < extents.height; oy++)
            for (int ox = 0; ox < extents.width; ox++)
                images[n] += dy[nchw16c(extents, n, oy, ox, f)];
    return fold_lanes(images);
}

void cvy_conv2d_backward_weights_nchw16c_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *x,
                                                const float *dy, float *dweights, float *dbias, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(dy) && cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    (void)scratch;
    for (int ky = 0; ky < shape->kernel_height; ky++)
        for (int kx = 0; kx < shape->kernel_width; kx++)
            for (int c = 0; c < shape->input.channels; c++)
                for (int f = 0; f < shape->filters; f++)
                    dweights[hwio(shape, ky, kx, c, f)] = weight_gradient(shape, count, x, dy, ky, kx, c, f);
    for (int f = 0; dbias && f < shape->filters; f++)
        dbias[f] = bias_gradient(output_of(shape), count, dy, f);
}
