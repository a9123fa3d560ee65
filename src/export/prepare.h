/* What both writers begin with: the way of an image up to the network, and the plan from there on. */
#ifndef CVY_EXPORT_PREPARE_H
#define CVY_EXPORT_PREPARE_H

#include "../model/plan.h"
#include "export.h"

typedef struct cvy_prepared {
    cvy_shape image;     /* as predict takes it */
    cvy_shape cropped;   /* the same without a crop */
    cvy_shape pooled;    /* the same without average pooling: what reaches the network */
    float scale, offset; /* rescaling and normalization in one, between crop and pooling */
    cvy_pool_shape pool; /* of average pooling */
    cvy_plan plan;       /* of the network, in NHWC */
} cvy_prepared;

/* Refuses what no writer can express: test_shift, weights that are not finite, an unknown size of images. Errors name
 * `path`. The caller frees the plan, also on an error. */
bool cvy_export_prepare(const cvy_export *what, const char *path, cvy_prepared *prepared, cvy_status *status);

/* Writes a whole file, or none. */
bool cvy_export_write(const char *path, const void *bytes, size_t count, cvy_status *status);

#endif
