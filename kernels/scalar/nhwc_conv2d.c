/* Convolution of images in NHWC and in NCHW16C, valid padding, any kernel size and stride: forward and both gradients.
 * Nothing here needs scratch. */
#include <math.h>

#include "../contract.h"
#include "layout.h"
#include "tensor.h"

/* x and y of the operation. */
typedef struct conv2d {
    const cvy_conv2d_shape *shape;
    int count;
    tensor x, y;
} conv2d;

static conv2d nhwc_conv2d(const cvy_conv2d_shape *s, int count) {
    return (conv2d){s, count, nhwc_tensor(s->input.height, s->input.width, s->input.channels),
                    nhwc_tensor(s->output_height, s->output_width, s->filters)};
}

static conv2d nchw16c_conv2d(const cvy_conv2d_shape *s, int count) {
    return (conv2d){s, count, nchw16c_tensor(s->input.height, s->input.width, s->input.channels),
                    nchw16c_tensor(s->output_height, s->output_width, s->filters)};
}

/* ---- Forward ---- */

/* The chain of y[oy][ox][f] of image n: bias first, then ky, kx, c ascending. */
static float output(const conv2d *k, const float *x, const float *weights, const float *bias, int n, int oy, int ox,
                    int f) {
    const cvy_conv2d_shape *s = k->shape;
    float sum = bias ? bias[f] : 0.0f;
    for (int ky = 0; ky < s->kernel_height; ky++)
        for (int kx = 0; kx < s->kernel_width; kx++)
            for (int c = 0; c < s->input.channels; c++)
                sum = fmaf(x[element(&k->x, n, oy * s->stride_y + ky, ox * s->stride_x + kx, c)],
                           weights[hwio(s, ky, kx, c, f)], sum);
    return sum;
}

static void forward(conv2d k, const float *x, const float *weights, const float *bias, float *y) {
    for (int n = 0; n < k.count; n++)
        for (int oy = 0; oy < k.y.height; oy++)
            for (int ox = 0; ox < k.y.width; ox++)
                for (int f = 0; f < k.y.stored; f++)
                    y[element(&k.y, n, oy, ox, f)] =
                        f < k.y.channels ? output(&k, x, weights, bias, n, oy, ox, f) : 0.0f;
}

void cvy_conv2d_forward_nhwc_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *x, const float *weights,
                                    const float *bias, float *y, float *scratch) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias));
    assert(cvy_is_float_aligned(y) && cvy_is_aligned(scratch));
    (void)scratch;
    forward(nhwc_conv2d(shape, count), x, weights, bias, y);
}

void cvy_conv2d_forward_nchw16c_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *x,
                                       const float *weights, const float *bias, float *y, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    (void)scratch;
    forward(nchw16c_conv2d(shape, count), x, weights, bias, y);
}

/* ---- Backward to the data ---- */

/* The chain of dx[y][x][c] of image n over the outputs whose window covers (y, x): oy, ox, f ascending. */
static float input_gradient(const conv2d *k, const float *dy, const float *weights, int n, int y, int x, int c) {
    const cvy_conv2d_shape *s = k->shape;
    const range rows = outputs_over(y, s->kernel_height, s->stride_y, s->output_height);
    const range columns = outputs_over(x, s->kernel_width, s->stride_x, s->output_width);
    float sum = 0.0f;
    for (int oy = rows.first; oy <= rows.last; oy++)
        for (int ox = columns.first; ox <= columns.last; ox++)
            for (int f = 0; f < s->filters; f++)
                sum = fmaf(dy[element(&k->y, n, oy, ox, f)],
                           weights[hwio(s, y - oy * s->stride_y, x - ox * s->stride_x, c, f)], sum);
    return sum;
}

static void backward_data(conv2d k, const float *dy, const float *weights, const float *derivative, float *dx) {
    for (int n = 0; n < k.count; n++)
        for (int y = 0; y < k.x.height; y++)
            for (int x = 0; x < k.x.width; x++)
                for (int c = 0; c < k.x.stored; c++) {
                    const size_t at = element(&k.x, n, y, x, c);
                    dx[at] = c < k.x.channels ? input_gradient(&k, dy, weights, n, y, x, c) : 0.0f;
                    if (derivative && c < k.x.channels)
                        dx[at] *= derivative[at];
                }
}

void cvy_conv2d_backward_data_nhwc_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *dy,
                                          const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_aligned(weights) && cvy_is_float_aligned_or_null(derivative));
    assert(cvy_is_float_aligned(dx) && cvy_is_aligned(scratch));
    (void)scratch;
    backward_data(nhwc_conv2d(shape, count), dy, weights, derivative, dx);
}

void cvy_conv2d_backward_data_nchw16c_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *dy,
                                             const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    (void)scratch;
    backward_data(nchw16c_conv2d(shape, count), dy, weights, derivative, dx);
}

/* ---- Backward to the weights ---- */

/* The chain of dweights[ky][kx][c][f]: images ascending, in each oy, ox ascending. */
static float weight_gradient(const conv2d *k, const float *x, const float *dy, int ky, int kx, int c, int f) {
    const int stride_y = k->shape->stride_y, stride_x = k->shape->stride_x;
    float sum = 0.0f;
    for (int n = 0; n < k->count; n++)
        for (int oy = 0; oy < k->y.height; oy++)
            for (int ox = 0; ox < k->y.width; ox++)
                sum = fmaf(dy[element(&k->y, n, oy, ox, f)],
                           x[element(&k->x, n, oy * stride_y + ky, ox * stride_x + kx, c)], sum);
    return sum + 0.0f;
}

/* An image's sum over its outputs, then the fold over 16 images. */
static float bias_gradient(const conv2d *k, const float *dy, int f) {
    float sums[CVY_LANES] = {0};
    for (int n = 0; n < k->count; n++)
        for (int oy = 0; oy < k->y.height; oy++)
            for (int ox = 0; ox < k->y.width; ox++)
                sums[n] += dy[element(&k->y, n, oy, ox, f)];
    return fold_lanes(sums);
}

static void backward_weights(conv2d k, const float *x, const float *dy, float *dweights, float *dbias) {
    const cvy_conv2d_shape *s = k.shape;
    for (int ky = 0; ky < s->kernel_height; ky++)
        for (int kx = 0; kx < s->kernel_width; kx++)
            for (int c = 0; c < s->input.channels; c++)
                for (int f = 0; f < s->filters; f++)
                    dweights[hwio(s, ky, kx, c, f)] = weight_gradient(&k, x, dy, ky, kx, c, f);
    for (int f = 0; dbias && f < s->filters; f++)
        dbias[f] = bias_gradient(&k, dy, f);
}

void cvy_conv2d_backward_weights_nhwc_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *x,
                                             const float *dy, float *dweights, float *dbias) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    backward_weights(nhwc_conv2d(shape, count), x, dy, dweights, dbias);
}

void cvy_conv2d_backward_weights_nchw16c_scalar(const cvy_conv2d_shape *shape, int32_t count, const float *x,
                                                const float *dy, float *dweights, float *dbias, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(dy) && cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    (void)scratch;
    backward_weights(nchw16c_conv2d(shape, count), x, dy, dweights, dbias);
}
