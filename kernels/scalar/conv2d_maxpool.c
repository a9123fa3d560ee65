/* Convolution, activation and 2x2 max-pool in one, and its gradients, which know only the winner of each window. */
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

/* How an output is named by a winner: where its receptive field begins in an NHWC image. */
static int32_t field_offset(const cvy_conv2d_shape *shape, int oy, int ox) {
    return oy * shape->stride_y * shape->input.row + ox * shape->stride_x * shape->input.channels;
}

/* One pooled output, all 16 lanes, at offset `at` of y, derivative and winner. */
static void pool_window(const cvy_conv2d_shape *shape, cvy_activation_kind activation, const float *x,
                        const float *weights, const float *bias, int py, int px, int f, size_t at, float *y,
                        float *derivative, int32_t *winner) {
    float outputs[4][CVY_LANES];
    for (int i = 0; i < 4; i++)
        conv2d_output(shape, x, weights, bias, output_y(py, i), output_x(px, i), f, outputs[i]);
    for (int l = 0; l < CVY_LANES; l++) {
        const float z[4] = {outputs[0][l], outputs[1][l], outputs[2][l], outputs[3][l]};
        const float chosen = choose(activation, z);
        float slope;
        y[at + l] = activate(activation, chosen, &slope);
        if (winner) {
            const int i = first_equal(z, chosen);
            derivative[at + l] = slope;
            winner[at + l] = field_offset(shape, output_y(py, i), output_x(px, i));
        }
    }
}

void cvy_conv2d_maxpool2x2_forward_hwc16n_scalar(const cvy_conv2d_shape *shape, cvy_activation_kind activation,
                                                 const float *x, const float *weights, const float *bias, float *y,
                                                 float *derivative, int32_t *winner) {
    assert(cvy_is_conv2d_maxpool2x2(shape) && cvy_is_activation(activation));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    assert(cvy_is_aligned_or_null(derivative) && cvy_is_aligned_or_null(winner) && !derivative == !winner);
    const int height = shape->output_height / 2, width = shape->output_width / 2;
    for (int py = 0; py < height; py++)
        for (int px = 0; px < width; px++)
            for (int f = 0; f < shape->filters; f++)
                pool_window(shape, activation, x, weights, bias, py, px, f, hwc16n(width, shape->filters, py, px, f), y,
                            derivative, winner);
}

/* The gradient of the unpooled outputs: a window's dy at its winner, +0 everywhere else. */
static void unpool(const cvy_conv2d_shape *shape, const float *dy, const int32_t *winner, float *unpooled) {
    const int height = shape->output_height / 2, width = shape->output_width / 2, filters = shape->filters;
    const size_t outputs = hwc16n(shape->output_width, filters, shape->output_height, 0, 0);
    for (size_t i = 0; i < outputs; i++)
        unpooled[i] = 0.0f;
    for (int oy = 0; oy < 2 * height; oy++) {
        for (int ox = 0; ox < 2 * width; ox++) {
            const size_t from = hwc16n(width, filters, oy / 2, ox / 2, 0);
            const size_t to = hwc16n(shape->output_width, filters, oy, ox, 0);
            const int32_t offset = field_offset(shape, oy, ox);
            for (int i = 0; i < filters * CVY_LANES; i++)
                if (winner[from + i] == offset)
                    unpooled[to + i] = dy[from + i];
        }
    }
}

void cvy_conv2d_maxpool2x2_backward_data_hwc16n_scalar(const cvy_conv2d_shape *shape, const float *dy,
                                                       const int32_t *winner, const float *weights,
                                                       const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_conv2d_maxpool2x2(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(winner) && cvy_is_aligned(scratch));
    unpool(shape, dy, winner, scratch);
    cvy_conv2d_backward_data_hwc16n_scalar(shape, scratch, weights, derivative, dx);
}

/* The chain of dweights[ky][kx][c][f], `tap` being where (ky, kx, c) stands in a receptive field: images ascending, in
 * each the windows in row-major order. */
static float weight_gradient(const cvy_conv2d_shape *shape, const float *images, const float *dy, const int32_t *winner,
                             int32_t tap, int f) {
    const int windows = (shape->output_height / 2) * (shape->output_width / 2);
    float sum = 0.0f;
    for (int l = 0; l < CVY_LANES; l++) {
        const float *image = images + (size_t)l * (size_t)shape->input.image;
        for (int p = 0; p < windows; p++) {
            const size_t at = ((size_t)p * shape->filters + f) * CVY_LANES + l;
            sum = fmaf(dy[at], image[winner[at] + tap], sum);
        }
    }
    return sum + 0.0f;
}

void cvy_conv2d_maxpool2x2_backward_weights_hwc16n_scalar(const cvy_conv2d_shape *shape, const float *images,
                                                          const float *dy, const int32_t *winner, float *dweights,
                                                          float *dbias) {
    assert(cvy_is_conv2d_maxpool2x2(shape));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(dy) && cvy_is_aligned(winner));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    for (int ky = 0; ky < shape->kernel_height; ky++) {
        for (int kx = 0; kx < shape->kernel_width; kx++) {
            for (int c = 0; c < shape->input.channels; c++) {
                const int32_t tap = ky * shape->input.row + kx * shape->input.channels + c;
                for (int f = 0; f < shape->filters; f++)
                    dweights[hwio(shape, ky, kx, c, f)] = weight_gradient(shape, images, dy, winner, tap, f);
            }
        }
    }
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
