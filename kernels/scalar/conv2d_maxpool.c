/* Convolution, activation and 2x2 max-pool in one, and its gradients, which know only the argmax of each window. */
#include "../contract.h"
#include "activation.h"
#include "conv2d.h"
#include "layout.h"

static float silu(float z) {
    float derivative;
    return activate(CVY_ACT_SILU, z, &derivative);
}

/* The z of a window at which the activation is largest. Every activation but silu rises throughout, so that is the
 * largest z; silu is largest at one end of the window's range. */
static float choose(cvy_activation_kind activation, const float z[4]) {
    const float a = v_max(v_max(z[0], z[1]), v_max(z[2], z[3]));
    if (activation != CVY_ACT_SILU)
        return a;
    const float b = v_min(v_min(z[0], z[1]), v_min(z[2], z[3]));
    if (a < CVY_SILU_LOW)
        return b;
    if (a < CVY_SILU_TINY && b < CVY_SILU_LOW && (silu(b) > silu(a) || b == -INFINITY))
        return b;
    return a;
}

/* Which of a window's four z's, in the order (0, 0), (0, 1), (1, 0), (1, 1), is the first that equals the chosen one;
 * the last if none does, which takes a NaN. */
static int first_equal(const float z[4], float chosen) {
    int i = 0;
    while (i < 3 && z[i] != chosen)
        i++;
    return i;
}

/* Output i of window (py, px), in the order above. */
static int output_y(int py, int i) {
    return 2 * py + i / 2;
}

static int output_x(int px, int i) {
    return 2 * px + i % 2;
}

/* One pooled output, all 16 lanes, at offset `at` of y, derivative and argmax. */
static void pool_window(const cvy_conv2d_shape *shape, cvy_activation_kind activation, const float *x,
                        const float *weights, const float *bias, int py, int px, int f, size_t at, float *y,
                        float *derivative, int32_t *argmax) {
    float outputs[4][CVY_LANES];
    for (int i = 0; i < 4; i++)
        conv2d_output(shape, x, weights, bias, output_y(py, i), output_x(px, i), f, outputs[i]);
    for (int l = 0; l < CVY_LANES; l++) {
        const float z[4] = {outputs[0][l], outputs[1][l], outputs[2][l], outputs[3][l]};
        const float chosen = choose(activation, z);
        float slope;
        y[at + l] = activate(activation, chosen, &slope);
        if (argmax) {
            derivative[at + l] = slope;
            argmax[at + l] = first_equal(z, chosen);
        }
    }
}

void cvy_conv2d_maxpool2x2_forward_hwc16n_scalar(const cvy_conv2d_shape *shape, cvy_activation_kind activation,
                                                 const float *x, const float *weights, const float *bias, float *y,
                                                 float *derivative, int32_t *argmax) {
    assert(cvy_is_conv2d_maxpool2x2(shape) && cvy_is_activation(activation));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    assert(cvy_is_aligned_or_null(derivative) && cvy_is_aligned_or_null(argmax) && !derivative == !argmax);
    const int height = shape->output_height / 2, width = shape->output_width / 2;
    for (int py = 0; py < height; py++)
        for (int px = 0; px < width; px++)
            for (int f = 0; f < shape->filters; f++)
                pool_window(shape, activation, x, weights, bias, py, px, f, hwc16n(width, shape->filters, py, px, f), y,
                            derivative, argmax);
}

/* The windows along one axis that overlap the tile of two inputs around a position. The receptive fields of window w
 * span the inputs from 2 * w * stride to 2 * w * stride + stride + kernel - 1. */
static range windows_over(int position, int kernel, int stride, int windows) {
    const int tile = position - position % 2, last = tile / (2 * stride), span = stride + kernel - 1;
    return (range){.first = tile <= span ? 0 : (tile - span + 2 * stride - 1) / (2 * stride),
                   .last = last < windows ? last : windows - 1};
}

/* The weight through which output (oy, ox) of filter f sees input (y, x, c); +0 if it does not. */
static float weight_between(const cvy_conv2d_shape *shape, const float *weights, int y, int x, int c, int oy, int ox,
                            int f) {
    const int ky = y - oy * shape->stride_y, kx = x - ox * shape->stride_x;
    if (ky < 0 || ky >= shape->kernel_height || kx < 0 || kx >= shape->kernel_width)
        return 0.0f;
    return weights[hwio(shape, ky, kx, c, f)];
}

/* The chain of dx[y][x][c] over the windows that overlap its tile: py, px, f ascending. */
static void input_gradient(const cvy_conv2d_shape *shape, const float *dy, const int32_t *argmax, const float *weights,
                           int y, int x, int c, float sum[CVY_LANES]) {
    const int height = shape->output_height / 2, width = shape->output_width / 2;
    const range rows = windows_over(y, shape->kernel_height, shape->stride_y, height);
    const range columns = windows_over(x, shape->kernel_width, shape->stride_x, width);
    for (int l = 0; l < CVY_LANES; l++)
        sum[l] = 0.0f;
    for (int py = rows.first; py <= rows.last; py++) {
        for (int px = columns.first; px <= columns.last; px++) {
            for (int f = 0; f < shape->filters; f++) {
                float weight[4];
                for (int i = 0; i < 4; i++)
                    weight[i] = weight_between(shape, weights, y, x, c, output_y(py, i), output_x(px, i), f);
                const size_t at = hwc16n(width, shape->filters, py, px, f);
                for (int l = 0; l < CVY_LANES; l++)
                    sum[l] = fmaf(dy[at + l], weight[argmax[at + l]], sum[l]);
            }
        }
    }
}

void cvy_conv2d_maxpool2x2_backward_data_hwc16n_scalar(const cvy_conv2d_shape *shape, const float *dy,
                                                       const int32_t *argmax, const float *weights,
                                                       const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_conv2d_maxpool2x2(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned(weights) && cvy_is_aligned(scratch));
    assert(cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    (void)scratch;
    const cvy_image_shape *input = &shape->input;
    for (int y = 0; y < input->height; y++) {
        for (int x = 0; x < input->width; x++) {
            for (int c = 0; c < input->channels; c++) {
                const size_t at = hwc16n(input->width, input->channels, y, x, c);
                input_gradient(shape, dy, argmax, weights, y, x, c, dx + at);
                for (int l = 0; derivative && l < CVY_LANES; l++)
                    dx[at + l] *= derivative[at + l];
            }
        }
    }
}

/* dweights[ky][kx][c][f]: the chain of each lane over the windows in row-major order, and their fold. */
static float weight_gradient(const cvy_conv2d_shape *shape, const float *x, const float *dy, const int32_t *argmax,
                             int ky, int kx, int c, int f) {
    const int height = shape->output_height / 2, width = shape->output_width / 2;
    float sum[CVY_LANES] = {0};
    for (int py = 0; py < height; py++) {
        for (int px = 0; px < width; px++) {
            const size_t at = hwc16n(width, shape->filters, py, px, f);
            for (int l = 0; l < CVY_LANES; l++) {
                const int i = argmax[at + l];
                const size_t from =
                    hwc16n(shape->input.width, shape->input.channels, output_y(py, i) * shape->stride_y + ky,
                           output_x(px, i) * shape->stride_x + kx, c);
                sum[l] = fmaf(dy[at + l], x[from + l], sum[l]);
            }
        }
    }
    return fold_lanes(sum) + 0.0f;
}

void cvy_conv2d_maxpool2x2_backward_weights_hwc16n_scalar(const cvy_conv2d_shape *shape, const float *x,
                                                          const float *dy, const int32_t *argmax, float *dweights,
                                                          float *dbias, float *scratch) {
    assert(cvy_is_conv2d_maxpool2x2(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned(scratch));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    (void)scratch;
    for (int ky = 0; ky < shape->kernel_height; ky++)
        for (int kx = 0; kx < shape->kernel_width; kx++)
            for (int c = 0; c < shape->input.channels; c++)
                for (int f = 0; f < shape->filters; f++)
                    dweights[hwio(shape, ky, kx, c, f)] = weight_gradient(shape, x, dy, argmax, ky, kx, c, f);
    if (dbias)
        conv2d_bias_gradient((shape->output_height / 2) * (shape->output_width / 2), shape->filters, dy, dbias);
}

void cvy_activation_maxpool2x2_forward_nhwc_scalar(const cvy_image_shape *shape, cvy_activation_kind activation,
                                                   int32_t count, const float *z, float *y) {
    assert(cvy_is_dense_image(shape) && shape->height >= 2 && shape->width >= 2);
    assert(cvy_is_activation(activation) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(z) && cvy_is_float_aligned(y));
    const int channels = shape->channels, row = shape->row;
    for (int n = 0; n < count; n++, z += shape->image)
        for (int py = 0; py < shape->height / 2; py++)
            for (int px = 0; px < shape->width / 2; px++)
                for (int c = 0; c < channels; c++) {
                    const float *first = z + 2 * py * row + 2 * px * channels + c;
                    const float window[4] = {first[0], first[channels], first[row], first[row + channels]};
                    float slope;
                    *y++ = activate(activation, choose(activation, window), &slope);
                }
}
