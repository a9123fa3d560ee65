/* The preconditions that kernels.h states, as predicates: a kernel of any tier asserts them on entry. */
#ifndef CVY_CONTRACT_H
#define CVY_CONTRACT_H

#include <assert.h>
#include <stdbool.h>

#include "kernels.h"

static inline bool cvy_is_aligned(const void *p) {
    return p && (uintptr_t)p % 64 == 0;
}

static inline bool cvy_is_aligned_or_null(const void *p) {
    return (uintptr_t)p % 64 == 0;
}

/* NHWC buffers. */
static inline bool cvy_is_float_aligned(const void *p) {
    return p && (uintptr_t)p % sizeof(float) == 0;
}

static inline bool cvy_is_float_aligned_or_null(const void *p) {
    return (uintptr_t)p % sizeof(float) == 0;
}

/* `count` floats at any address that a float may have; NULL will do for none. */
static inline bool cvy_is_array(size_t count, const float *p) {
    return count == 0 || cvy_is_float_aligned(p);
}

static inline bool cvy_is_lane_count(int32_t count) {
    return count >= 1 && count <= CVY_LANES;
}

static inline bool cvy_is_block_count(size_t count) {
    return count % CVY_LANES == 0;
}

static inline bool cvy_is_activation(cvy_activation_kind activation) {
    return activation == CVY_ACT_LINEAR || activation == CVY_ACT_RELU || activation == CVY_ACT_SILU ||
           activation == CVY_ACT_SIGMOID || activation == CVY_ACT_TANH;
}

/* An image in HWC16N, which has no strides of its own. */
static inline bool cvy_is_image(const cvy_image_shape *s) {
    return s->height >= 1 && s->width >= 1 && s->channels >= 1;
}

/* An image that is in NHWC as well. */
static inline bool cvy_is_strided_image(const cvy_image_shape *s) {
    return cvy_is_image(s) && s->row >= s->width * s->channels && s->image >= s->height * s->row;
}

/* The same without gaps. */
static inline bool cvy_is_dense_image(const cvy_image_shape *s) {
    return cvy_is_image(s) && s->row == s->width * s->channels && s->image == s->height * s->row;
}

/* The interior at (top, left) lies within the padded extents. */
static inline bool cvy_is_padding(const cvy_image_shape *s, int32_t top, int32_t left, int32_t padded_height,
                                  int32_t padded_width) {
    return cvy_is_image(s) && top >= 0 && left >= 0 && top + s->height <= padded_height &&
           left + s->width <= padded_width;
}

static inline bool cvy_is_conv2d(const cvy_conv2d_shape *s) {
    return cvy_is_image(&s->input) && s->filters >= 1 && s->kernel_height >= 1 && s->kernel_width >= 1 &&
           s->stride_y >= 1 && s->stride_x >= 1 && s->kernel_height <= s->input.height &&
           s->kernel_width <= s->input.width &&
           s->output_height == (s->input.height - s->kernel_height) / s->stride_y + 1 &&
           s->output_width == (s->input.width - s->kernel_width) / s->stride_x + 1;
}

/* A convolution whose input images have no gaps behind rows and images. */
static inline bool cvy_is_dense_conv2d(const cvy_conv2d_shape *s) {
    return cvy_is_conv2d(s) && cvy_is_dense_image(&s->input);
}

/* A convolution that a 2x2 max-pool follows. */
static inline bool cvy_is_conv2d_maxpool2x2(const cvy_conv2d_shape *s) {
    return cvy_is_conv2d(s) && s->output_height >= 2 && s->output_width >= 2;
}

/* The first window reaches into the image and the last begins inside it: then every window holds an element. */
static inline bool cvy_is_pool(const cvy_pool_shape *s) {
    return s->height >= 1 && s->width >= 1 && s->channels >= 1 && s->window_height >= 1 && s->window_width >= 1 &&
           s->stride_y >= 1 && s->stride_x >= 1 && s->output_height >= 1 && s->output_width >= 1 && s->pad_top >= 0 &&
           s->pad_left >= 0 && s->pad_top < s->window_height && s->pad_left < s->window_width &&
           (s->output_height - 1) * s->stride_y - s->pad_top < s->height &&
           (s->output_width - 1) * s->stride_x - s->pad_left < s->width;
}

static inline bool cvy_is_dense(const cvy_dense_shape *s) {
    return s->inputs >= 1 && s->units >= 1;
}

/* A dense layer whose images are in NHWC. */
static inline bool cvy_is_strided_dense(const cvy_dense_shape *s) {
    return cvy_is_dense(s) && s->input_row >= s->inputs && s->unit_row >= s->units;
}

/* Rows of channels. */
static inline bool cvy_is_strided_rows(int32_t rows, int32_t channels, int32_t stride) {
    return rows >= 1 && channels >= 1 && stride >= channels;
}

#endif
