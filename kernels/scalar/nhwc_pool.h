/* Where the elements of pooling in NHWC stand. */
#ifndef CVY_SCALAR_NHWC_POOL_H
#define CVY_SCALAR_NHWC_POOL_H

#include "../kernels.h"

/* Element (y, x, c) of image n of the inputs, and of the outputs. */
static inline size_t input_at(const cvy_pool_shape *shape, int n, int y, int x, int c) {
    return (((size_t)n * shape->height + y) * shape->width + x) * shape->channels + c;
}

static inline size_t output_at(const cvy_pool_shape *shape, int n, int y, int x, int c) {
    return (((size_t)n * shape->output_height + y) * shape->output_width + x) * shape->channels + c;
}

#endif
