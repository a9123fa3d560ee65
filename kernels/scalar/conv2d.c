/* Convolution of a block, valid padding, any kernel size and stride: forward and both gradients. */
#include <math.h>

#include "../contract.h"
#include "conv2d.h"
#include "layout.h"

void cvy_conv2d_forward_hwc16n_scalar(const cvy_conv2d_shape *shape, const float *x, const float *weights,
                                      const float *bias, float *y) {
    assert(cvy_is_conv2d(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++)
            for (int f = 0; f < shape->filters; f++)
                conv2d_output(shape, x, weights, bias, oy, ox, f,
                              y + hwc16n(shape->output_width, shape->filters, oy, ox, f));
}

/* The chain of dx[y][x][c] over the outputs whose window covers it: oy, ox, f ascending. */
static void input_gradient(const cvy_conv2d_shape *shape, const float *dy, const float *weights, int y, int x, int c,
                           float sum[CVY_LANES]) {
    const range rows = outputs_over(y, shape->kernel_height, shape->stride_y, shape->output_height);
    const range columns = outputs_over(x, shape->kernel_width, shape->stride_x, shape->output_width);
    for (int l = 0; l < CVY_LANES; l++)
        sum[l] = 0.0f;
    for (int oy = rows.first; oy <= rows.last; oy++) {
        for (int ox = columns.first; ox <= columns.last; ox++) {
            const float *gradient = dy + hwc16n(shape->output_width, shape->filters, oy, ox, 0);
            for (int f = 0; f < shape->filters; f++) {
                const float weight = weights[hwio(shape, y - oy * shape->stride_y, x - ox * shape->stride_x, c, f)];
                for (int l = 0; l < CVY_LANES; l++)
                    sum[l] = fmaf(gradient[f * CVY_LANES + l], weight, sum[l]);
            }
        }
    }
}

void cvy_conv2d_backward_data_hwc16n_scalar(const cvy_conv2d_shape *shape, const float *dy, const float *weights,
                                            const float *derivative, float *dx) {
    assert(cvy_is_conv2d(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const cvy_image_shape *input = &shape->input;
    for (int y = 0; y < input->height; y++) {
        for (int x = 0; x < input->width; x++) {
            for (int c = 0; c < input->channels; c++) {
                const size_t at = hwc16n(input->width, input->channels, y, x, c);
                input_gradient(shape, dy, weights, y, x, c, dx + at);
                for (int l = 0; derivative && l < CVY_LANES; l++)
                    dx[at + l] *= derivative[at + l];
            }
        }
    }
}

/* The chain of dweights[ky][kx][c][f]: images ascending, in each oy, ox ascending. */
static float weight_gradient(const cvy_conv2d_shape *shape, const float *images, const float *dy, int ky, int kx, int c,
                             int f) {
    float sum = 0.0f;
    for (int l = 0; l < CVY_LANES; l++)
        for (int oy = 0; oy < shape->output_height; oy++)
            for (int ox = 0; ox < shape->output_width; ox++)
                sum =
                    fmaf(dy[hwc16n(shape->output_width, shape->filters, oy, ox, f) + l],
                         images[nhwc(&shape->input, l, oy * shape->stride_y + ky, ox * shape->stride_x + kx, c)], sum);
    return sum + 0.0f;
}

void cvy_conv2d_backward_weights_hwc16n_scalar(const cvy_conv2d_shape *shape, const float *images, const float *dy,
                                               float *dweights, float *dbias) {
    assert(cvy_is_conv2d(shape) && cvy_is_strided_image(&shape->input));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(dy) && cvy_is_aligned(dweights) &&
           cvy_is_aligned_or_null(dbias));
    for (int ky = 0; ky < shape->kernel_height; ky++)
        for (int kx = 0; kx < shape->kernel_width; kx++)
            for (int c = 0; c < shape->input.channels; c++)
                for (int f = 0; f < shape->filters; f++)
                    dweights[hwio(shape, ky, kx, c, f)] = weight_gradient(shape, images, dy, ky, kx, c, f);
    if (dbias)
        conv2d_bias_gradient(shape->output_height * shape->output_width, shape->filters, dy, dbias);
}
