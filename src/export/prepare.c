#include "prepare.h"

#include "../io/atomic_file.h"

#include <inttypes.h>
#include <math.h>

enum { MAX_EXTENT = 4096 }; /* of an image, in pixels: indices of floats then fit in an int */

/* The size of images before the preprocessing: where the network's input does not tell it, the preprocessing must. */
static bool find_image(const cvy_export *what, const char *path, cvy_prepared *prepared, cvy_status *status) {
    const cvy_preprocessing *p = what->preprocessing;
    const cvy_shape input = what->network->layers[0].output;
    const bool crops = p->center_crop[0] > 0, pools = p->average_pooling[0] > 0;
    prepared->image = input;
    if (!crops && !pools && !p->deskew)
        return true;
    if (!p->image_size[0] && (crops || input.rank == 1))
        return cvy_fail(status, CVY_FAILED, path,
                        "the size of the images is not known: add image_size=HxW to the preprocessing (cvy_fit does)");
    int64_t height = p->image_size[0], width = p->image_size[1];
    if (!height) {
        height = input.height * (int64_t)(pools ? p->average_pooling[0] : 1);
        width = input.width * (int64_t)(pools ? p->average_pooling[1] : 1);
    }
    if (height > MAX_EXTENT || width > MAX_EXTENT)
        return cvy_fail(status, CVY_FAILED, path, "images of %" PRId64 " x %" PRId64 ", expected at most %d x %d",
                        height, width, MAX_EXTENT, MAX_EXTENT);
    prepared->image = (cvy_shape){3, (int)height, (int)width, input.channels};
    return true;
}

/* The steps from the image to the network's input. */
static bool find_way(const cvy_export *what, const char *path, cvy_prepared *prepared, cvy_status *status) {
    const cvy_preprocessing *p = what->preprocessing;
    const cvy_shape input = what->network->layers[0].output, image = prepared->image;
    int height = image.height, width = image.width;
    if (!cvy_preprocessing_extents(p, path, &height, &width, status))
        return false;
    const size_t area = (size_t)height * (size_t)width, count = cvy_shape_count(input);
    if (count % area || (input.rank == 3 && (height != input.height || width != input.width)))
        return cvy_fail(status, CVY_FAILED, path,
                        "images of %d x %d are %d x %d when preprocessed, the network wants %d x %d x %d", image.height,
                        image.width, height, width, input.height, input.width, input.channels);
    prepared->image.channels = (int)(count / area);
    prepared->cropped = prepared->pooled = prepared->image;
    if (p->center_crop[0]) {
        prepared->cropped.height = p->center_crop[0];
        prepared->cropped.width = p->center_crop[1];
    }
    prepared->pooled.height = height;
    prepared->pooled.width = width;
    prepared->pool = (cvy_pool_shape){.height = prepared->cropped.height,
                                      .width = prepared->cropped.width,
                                      .channels = prepared->cropped.channels,
                                      .window_height = p->average_pooling[0],
                                      .window_width = p->average_pooling[1],
                                      .stride_y = p->average_pooling[0],
                                      .stride_x = p->average_pooling[1],
                                      .output_height = height,
                                      .output_width = width};
    return true;
}

bool cvy_export_prepare(const cvy_export *what, const char *path, cvy_prepared *prepared, cvy_status *status) {
    *prepared = (cvy_prepared){0};
    const cvy_preprocessing *p = what->preprocessing;
    const double deviation = sqrt(p->variance);
    prepared->scale = (float)(p->scale / deviation);
    prepared->offset = (float)((p->offset - p->mean) / deviation);
    if (!cvy_ok(status))
        return false;
    if (p->test_shift)
        return cvy_fail(status, CVY_FAILED, path,
                        "test_shift=%d is a mean over several predictions, which is not written to this format",
                        p->test_shift);
    return find_image(what, path, prepared, status) && find_way(what, path, prepared, status) &&
           cvy_plan_make(what->network, what->variables, CVY_LAYOUT_NHWC, &prepared->plan, status);
}

bool cvy_export_write(const char *path, const void *bytes, size_t count, cvy_status *status) {
    cvy_atomic_file file;
    if (!cvy_atomic_begin(path, &file, status))
        return false;
    cvy_atomic_write(&file, bytes, count, status);
    return cvy_atomic_commit(&file, status);
}
