/* Where an element stands in NCHW16C. */
#ifndef CVY_SCALAR_NCHW16C_H
#define CVY_SCALAR_NCHW16C_H

#include "../kernels.h"

/* The extents of a tensor's images. */
typedef struct nchw16c_extents {
    int height, width, channels;
} nchw16c_extents;

/* Channels rounded up to whole blocks of 16. */
static inline int nchw16c_padded(int channels) {
    return (channels + 15) / 16 * 16;
}

/* Element (y, x, c) of image n. */
static inline size_t nchw16c(nchw16c_extents e, int n, int y, int x, int c) {
    const size_t block = (size_t)n * (nchw16c_padded(e.channels) / 16) + c / 16;
    return ((block * e.height + y) * e.width + x) * 16 + c % 16;
}

/* Element (y, x, c) of image n of pooling's inputs, and of its outputs. */
static inline size_t pool_input_at(const cvy_pool_shape *shape, int n, int y, int x, int c) {
    return nchw16c((nchw16c_extents){shape->height, shape->width, shape->channels}, n, y, x, c);
}

static inline size_t pool_output_at(const cvy_pool_shape *shape, int n, int y, int x, int c) {
    return nchw16c((nchw16c_extents){shape->output_height, shape->output_width, shape->channels}, n, y, x, c);
}

#endif
