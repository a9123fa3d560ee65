/* Where an element stands in HWC16N and NHWC, which outputs see it, and the sum across lanes. */
#ifndef CVY_SCALAR_LAYOUT_H
#define CVY_SCALAR_LAYOUT_H

#include "../kernels.h"

/* HWC16N: lane 0 of element (y, x, c) of a width x channels image. */
static inline size_t hwc16n(int width, int channels, int y, int x, int c) {
    return (((size_t)y * width + x) * channels + c) * CVY_LANES;
}

/* NHWC with the strides of its shape: element (y, x, c) of image n. */
static inline size_t nhwc(const cvy_image_shape *shape, int n, int y, int x, int c) {
    return (size_t)n * shape->image + (size_t)y * shape->row + (size_t)x * shape->channels + c;
}

/* HWIO: weight (ky, kx) from input channel c to filter f. */
static inline size_t hwio(const cvy_conv2d_shape *shape, int ky, int kx, int c, int f) {
    return (((size_t)ky * shape->kernel_width + kx) * shape->input.channels + c) * shape->filters + f;
}

/* The outputs along one axis whose window covers a position: those o with 0 <= position - o * stride < kernel. */
typedef struct range {
    int first, last;
} range;

static inline range outputs_over(int position, int kernel, int stride, int outputs) {
    const int last = position / stride;
    return (range){.first = position < kernel ? 0 : (position - kernel) / stride + 1,
                   .last = last < outputs ? last : outputs - 1};
}

/* The sum of 16 lanes, 16 -> 8 -> 4 -> 2 -> 1; overwrites them. */
static inline float fold_lanes(float lanes[CVY_LANES]) {
    for (int half = CVY_LANES / 2; half >= 1; half /= 2)
        for (int i = 0; i < half; i++)
            lanes[i] += lanes[i + half];
    return lanes[0];
}

#endif
