/* How much scratch each operation takes, and how conv2d_forward_nhwc divides its own. */
#ifndef CVY_SCRATCH_H
#define CVY_SCRATCH_H

#include "kernels.h"

static inline size_t cvy_round_to_lanes(size_t floats) {
    return (floats + CVY_LANES - 1) / CVY_LANES * CVY_LANES;
}

/* conv2d_maxpool2x2_backward_data_hwc16n takes up to this many channels at a time. */
enum { CVY_ARGMAX_CHANNELS = 6 };

/* How many windows of a 2x2 max-pool overlap a tile of two inputs along one axis, at most. */
static inline int32_t cvy_windows_over_tile(int32_t kernel, int32_t stride) {
    return (stride + kernel - 1) / (2 * stride) + 1;
}

/* For the gradient of the data: 16 weights, 4 for each input of a tile, for every window that overlaps it, filter and
 * channel. */
static inline size_t cvy_conv2d_maxpool2x2_data_scratch(const cvy_conv2d_shape *s) {
    const int32_t windows =
        cvy_windows_over_tile(s->kernel_height, s->stride_y) * cvy_windows_over_tile(s->kernel_width, s->stride_x);
    const int32_t channels = s->input.channels < CVY_ARGMAX_CHANNELS ? s->input.channels : CVY_ARGMAX_CHANNELS;
    return (size_t)windows * (size_t)s->filters * (size_t)channels * CVY_LANES;
}

/* For the gradient of the weights: an image in NHWC, and what vector loads may touch behind it. */
static inline size_t cvy_argmax_image(const cvy_conv2d_shape *s) {
    return cvy_round_to_lanes((size_t)s->input.height * (size_t)s->input.width * (size_t)s->input.channels) + CVY_LANES;
}

/* 16 such images and where the receptive field of each argmax begins; or one channel of x, dy and the argmax. */
static inline size_t cvy_conv2d_maxpool2x2_weights_scratch(const cvy_conv2d_shape *s) {
    const size_t outputs =
        (size_t)(s->output_height / 2) * (size_t)(s->output_width / 2) * (size_t)s->filters * CVY_LANES;
    const size_t channel = (size_t)s->input.height * (size_t)s->input.width * CVY_LANES;
    const size_t by_image = CVY_LANES * cvy_argmax_image(s) + outputs, in_lanes = channel + 2 * outputs;
    return by_image > in_lanes ? by_image : in_lanes;
}

/* Enough for either. */
static inline size_t cvy_conv2d_maxpool2x2_scratch(const cvy_conv2d_shape *s) {
    const size_t data = cvy_conv2d_maxpool2x2_data_scratch(s), weights = cvy_conv2d_maxpool2x2_weights_scratch(s);
    return data > weights ? data : weights;
}

/* conv2d_forward_nhwc takes an image in bands of output rows. For a band it keeps a plane for every element t =
 * kx * channels + c of a kernel row. Plane t holds that element's input for each output column, for all input rows
 * under the band's windows. Rows are ordered by residue modulo stride_y, so a plane's rows for successive outputs are
 * neighbours. The results follow, a plane a filter. */
typedef struct cvy_nhwc_band {
    int32_t rows;       /* of outputs */
    int32_t residues;   /* modulo stride_y, that a kernel row can have */
    int32_t input_rows; /* of each residue */
    size_t plane;       /* floats from a plane to the next */
    size_t result;      /* and from a filter's results to the next */
} cvy_nhwc_band;

static inline cvy_nhwc_band cvy_nhwc_band_of(const cvy_conv2d_shape *s, int32_t output_rows) {
    const int32_t residues = s->stride_y < s->kernel_height ? s->stride_y : s->kernel_height;
    const int32_t input_rows = output_rows - 1 + (s->kernel_height + s->stride_y - 1) / s->stride_y;
    /* A vector may begin at any position of a plane: room for what it reaches beyond. */
    const size_t positions = (size_t)residues * (size_t)input_rows * (size_t)s->output_width;
    return (cvy_nhwc_band){output_rows, residues, input_rows, cvy_round_to_lanes(positions + CVY_LANES - 1),
                           cvy_round_to_lanes((size_t)output_rows * (size_t)s->output_width)};
}

/* As many rows as keep the planes within half of a small level-2 cache, but enough to fill a tile of positions. */
static inline cvy_nhwc_band cvy_nhwc_band_for(const cvy_conv2d_shape *s) {
    enum { PLANE_FLOATS = 1 << 15, LEAST_POSITIONS = 64 };
    const size_t planes = (size_t)s->kernel_width * (size_t)s->input.channels;
    int32_t output_rows = s->output_height;
    while (output_rows > 1 && (output_rows - 1) * s->output_width >= LEAST_POSITIONS &&
           planes * cvy_nhwc_band_of(s, output_rows).plane > PLANE_FLOATS)
        output_rows = (output_rows + 1) / 2;
    return cvy_nhwc_band_of(s, output_rows);
}

static inline size_t cvy_conv2d_forward_nhwc_scratch(const cvy_conv2d_shape *s) {
    const cvy_nhwc_band band = cvy_nhwc_band_for(s);
    const size_t planes = (size_t)s->kernel_width * (size_t)s->input.channels;
    return planes * band.plane + cvy_round_to_lanes((size_t)s->filters) * band.result;
}

/* conv2d_backward_data_nhwc sums up to this many images side by side, in copies of dx. */
enum { CVY_NHWC_IMAGES = 4 };

/* One such copy, with room for what a vector reaches beyond its end. */
static inline size_t cvy_nhwc_image_copy(const cvy_image_shape *s) {
    return cvy_round_to_lanes((size_t)s->image + CVY_LANES - 1);
}

/* The copies, and the weights transposed to [filter][ky][kx * channels + c], rows padded to whole blocks of lanes. */
static inline size_t cvy_conv2d_backward_data_nhwc_scratch(const cvy_conv2d_shape *s) {
    const size_t row = cvy_round_to_lanes((size_t)s->kernel_width * (size_t)s->input.channels);
    return CVY_NHWC_IMAGES * cvy_nhwc_image_copy(&s->input) + (size_t)s->filters * (size_t)s->kernel_height * row;
}

/* dense_backward_data_nhwc transposes the weights of 16 inputs at a time. */
static inline size_t cvy_dense_backward_data_nhwc_scratch(const cvy_dense_shape *s) {
    return (size_t)s->units * CVY_LANES;
}

#endif
