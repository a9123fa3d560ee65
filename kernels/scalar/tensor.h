/* Dense images in NHWC or in NCHW16C, and where their elements stand. */
#ifndef CVY_SCALAR_TENSOR_H
#define CVY_SCALAR_TENSOR_H

#include "../kernels.h"

/* Strides in floats. Both layouts are [image][block of 16 channels][y][x][16 channels] to these functions; in NHWC the
 * next block is 16 floats on. */
typedef struct tensor {
    int height, width, channels;
    int stored; /* channels, those that fill up the last block included */
    size_t image, block, row, pixel;
} tensor;

static inline tensor nhwc_tensor(int height, int width, int channels) {
    const size_t row = (size_t)width * channels;
    return (tensor){height, width, channels, channels, height * row, 16, row, channels};
}

static inline tensor nchw16c_tensor(int height, int width, int channels) {
    const int blocks = (channels + 15) / 16;
    const size_t row = (size_t)width * 16, block = height * row;
    return (tensor){height, width, channels, blocks * 16, blocks * block, block, row, 16};
}

/* Element (y, x, c) of image n. */
static inline size_t element(const tensor *e, int n, int y, int x, int c) {
    const unsigned channel = (unsigned)c;
    return n * e->image + channel / 16 * e->block + y * e->row + x * e->pixel + channel % 16;
}

#endif
