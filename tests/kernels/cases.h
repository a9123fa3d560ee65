/* The shapes that kernels are tested with, and measured with: layers of networks that people train, and sweeps over
 * extents that reach every tail of every register plan.
 *
 * Each list is counted from 0; the functions return false past its end. */
#ifndef CVY_TESTS_CASES_H
#define CVY_TESTS_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels.h"

typedef enum case_set {
    CASES_FEW,   /* small layers of real networks: what an emulator has time for */
    CASES_NAMED, /* layers of real networks: what benchmarks run */
    CASES_SHORT, /* those, and sweeps that take seconds on the scalar tier */
    CASES_LONG   /* sweeps that take minutes */
} case_set;

typedef struct conv2d_case {
    const char *name; /* NULL: from a sweep */
    cvy_conv2d_shape shape;
} conv2d_case;

typedef struct pool_case {
    const char *name;
    cvy_pool_shape shape;
} pool_case;

typedef struct dense_case {
    const char *name;
    cvy_dense_shape shape;
} dense_case;

/* An image and where it stands in a padded one. */
typedef struct image_case {
    const char *name;
    cvy_image_shape shape;
    int32_t top, left, padded_height, padded_width;
} image_case;

bool conv2d_case_at(case_set set, size_t index, conv2d_case *c);
bool pool_case_at(case_set set, size_t index, pool_case *c);
bool dense_case_at(case_set set, size_t index, dense_case *c);
bool image_case_at(case_set set, size_t index, image_case *c);

/* Elements of the buffers of a shape. */
size_t conv2d_inputs(const cvy_conv2d_shape *s);
size_t conv2d_outputs(const cvy_conv2d_shape *s);
size_t conv2d_weights(const cvy_conv2d_shape *s);
size_t conv2d_pooled(const cvy_conv2d_shape *s);
size_t pool_inputs(const cvy_pool_shape *s);
size_t pool_outputs_of(const cvy_pool_shape *s);
size_t image_elements(const cvy_image_shape *s);
/* Floats from the first element of 16 images in NHWC to the last, that one included. */
size_t nhwc_extent(const cvy_image_shape *s);

#endif
