/* What the plain convolution and the one fused with max-pooling share: an output's chain and the bias gradient. */
#ifndef CVY_SCALAR_CONV2D_H
#define CVY_SCALAR_CONV2D_H

#include <math.h>

#include "layout.h"

/* z = output (oy, ox, f): bias first, then ky, kx, c ascending. */
static inline void conv2d_output(const cvy_conv2d_shape *shape, const float *x, const float *weights, const float *bias,
                                 int oy, int ox, int f, float z[CVY_LANES]) {
    const cvy_image_shape *input = &shape->input;
    for (int l = 0; l < CVY_LANES; l++)
        z[l] = bias ? bias[f] : 0.0f;
    for (int ky = 0; ky < shape->kernel_height; ky++) {
        for (int kx = 0; kx < shape->kernel_width; kx++) {
            const float *pixel =
                x + hwc16n(input->width, input->channels, oy * shape->stride_y + ky, ox * shape->stride_x + kx, 0);
            for (int c = 0; c < input->channels; c++) {
                const float weight = weights[hwio(shape, ky, kx, c, f)];
                for (int l = 0; l < CVY_LANES; l++)
                    z[l] = fmaf(pixel[c * CVY_LANES + l], weight, z[l]);
            }
        }
    }
}

/* dbias[f] = per lane the sum of dy over the positions, then the fold across lanes. */
static inline void conv2d_bias_gradient(int positions, int filters, const float *dy, float *dbias) {
    for (int f = 0; f < filters; f++) {
        float lanes[CVY_LANES] = {0};
        for (int p = 0; p < positions; p++)
            for (int l = 0; l < CVY_LANES; l++)
                lanes[l] += dy[((size_t)p * filters + f) * CVY_LANES + l];
        dbias[f] = fold_lanes(lanes);
    }
}

#endif
