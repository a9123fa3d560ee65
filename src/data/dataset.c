#include "dataset.h"

#include "../base/finite.h"
#include "idx.h"
#include "npz.h"
#include "search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A data set from its parts ---------------------------------------------------------------------------------- */

static bool check_shape(const cvy_dataset *d, const char *origin, cvy_status *status) {
    size_t image, bytes;
    size_t element = d->element == CVY_ELEMENT_F32 ? sizeof(float) : sizeof(uint8_t);
    if (d->count == 0 || d->count > UINT32_MAX)
        return cvy_fail(status, CVY_USAGE, origin, "%zu images, expected 1 to %u", d->count, UINT32_MAX);
    if (d->height < 1 || d->width < 1 || d->channels < 1)
        return cvy_fail(status, CVY_USAGE, origin, "images of %d x %d x %d, expected extents of at least 1", d->height,
                        d->width, d->channels);
    if (__builtin_mul_overflow((size_t)d->height * (size_t)d->width, (size_t)d->channels, &image) || image > INT32_MAX)
        return cvy_fail(status, CVY_USAGE, origin, "images of %d x %d x %d have more than %d elements", d->height,
                        d->width, d->channels, INT32_MAX);
    if (__builtin_mul_overflow(image * element, d->count, &bytes))
        return cvy_fail(status, CVY_USAGE, origin, "%zu images of %zu bytes do not fit in memory", d->count,
                        image * element);
    return true;
}

/* NaN compares as false, so a max-pool would pass it over without a word. Reads memory as fast as it comes: 188 MB,
 * MNIST in float, take 20 ms. */
static bool check_finite(const cvy_dataset *d, const char *origin, cvy_status *status) {
    const size_t image = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    for (size_t i = 0; d->element == CVY_ELEMENT_F32 && i < d->count; i++) {
        const float *values = (const float *)d->images + i * image;
        size_t bad = cvy_first_not_finite(values, image);
        if (bad < image)
            return cvy_fail(status, CVY_FAILED, origin, "image %zu holds %s at row %zu, column %zu", i,
                            isnan(values[bad]) ? "NaN" : "infinity", bad / (size_t)d->channels / (size_t)d->width,
                            bad / (size_t)d->channels % (size_t)d->width);
    }
    return true;
}

/* Checks a description and copies it into a new data set; NULL on an error. */
static cvy_dataset *new_dataset(cvy_dataset description, const char *origin, cvy_status *status) {
    if (!check_shape(&description, origin, status) || !check_finite(&description, origin, status))
        return NULL;
    cvy_dataset *dataset = malloc(sizeof *dataset);
    description.origin = strdup(origin);
    if (!dataset || !description.origin) {
        cvy_fail_memory(status, origin, sizeof *dataset);
        free(description.origin);
        free(dataset);
        return NULL;
    }
    *dataset = description;
    return dataset;
}

cvy_dataset *cvy_dataset_over(cvy_element element, const void *images, const uint8_t *labels, size_t count, int height,
                              int width, int channels, cvy_status *status) {
    cvy_dataset description = {.count = count,
                               .height = height,
                               .width = width,
                               .channels = channels,
                               .element = element,
                               .images = images,
                               .labels = labels};
    return new_dataset(description, "images in memory", status);
}

/* ---- A data set from files -------------------------------------------------------------------------------------- */

static cvy_dataset *from_arrays(const cvy_array_u8 *images, const cvy_array_u8 *labels, const char *origin,
                                cvy_status *status) {
    const size_t *shape = images->shape;
    if (!cvy_ok(status))
        return NULL;
    if (shape[0] != labels->shape[0]) {
        cvy_fail(status, CVY_FAILED, origin, "%zu images, but %zu labels", shape[0], labels->shape[0]);
        return NULL;
    }
    if (shape[1] > INT32_MAX || shape[2] > INT32_MAX) {
        cvy_fail(status, CVY_FAILED, origin, "images of %zu x %zu are too large", shape[1], shape[2]);
        return NULL;
    }
    cvy_dataset description = {.count = shape[0],
                               .height = (int)shape[1],
                               .width = (int)shape[2],
                               .channels = 1,
                               .element = CVY_ELEMENT_U8,
                               .images = images->data,
                               .labels = labels->data,
                               .owned = {images->owned, labels->owned}};
    return new_dataset(description, origin, status);
}

/* Owns the memory of both arrays from here on, also on an error. */
static cvy_dataset *join_arrays(cvy_array_u8 *images, cvy_array_u8 *labels, const char *origin, cvy_status *status) {
    cvy_dataset *dataset = from_arrays(images, labels, origin, status);
    if (!dataset) {
        free(images->owned);
        free(labels->owned);
    }
    return dataset;
}

static cvy_dataset *load_npz(const char *path, cvy_split split, cvy_status *status) {
    cvy_array_u8 images = {0}, labels = {0};
    if (cvy_npz_read(path, split == CVY_TRAIN ? "x_train" : "x_test", 3, &images, status))
        cvy_npz_read(path, split == CVY_TRAIN ? "y_train" : "y_test", 1, &labels, status);
    return join_arrays(&images, &labels, path, status);
}

static cvy_dataset *load_idx(const char *images_path, const char *labels_path, const char *directory,
                             cvy_status *status) {
    cvy_array_u8 images = {0}, labels = {0};
    if (cvy_idx_read(labels_path, 1, &labels, status))
        cvy_idx_read(images_path, 3, &images, status);
    return join_arrays(&images, &labels, directory, status);
}

/* Loads the data set at a place. NULL without an error if there is none. */
static cvy_dataset *load_place(const cvy_place *place, cvy_split split, cvy_status *status) {
    if (place->npz)
        return cvy_search_exists(place->path) ? load_npz(place->path, split, status) : NULL;
    char images[PATH_MAX], labels[PATH_MAX];
    bool has_images = cvy_search_idx(place->path, split == CVY_TRAIN ? "train-images" : "t10k-images", 3, images);
    bool has_labels = cvy_search_idx(place->path, split == CVY_TRAIN ? "train-labels" : "t10k-labels", 1, labels);
    if (has_images && has_labels)
        return load_idx(images, labels, place->path, status);
    if (has_images || has_labels)
        cvy_fail(status, CVY_FAILED, has_images ? labels : images, "not found, though %s is there",
                 has_images ? images : labels);
    return NULL;
}

static void fail_not_found(const cvy_place *places, int count, cvy_split split, cvy_status *status) {
    char list[sizeof status->what];
    size_t length = 0;
    list[0] = 0;
    for (int i = 0; i < count && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", places[i].path);
    cvy_fail(status, CVY_FAILED, split == CVY_TRAIN ? "training images" : "test images",
             "not found; tools/fetch-mnist gets MNIST. Looked for IDX files and mnist.npz in %s", list);
}

cvy_dataset *cvy_dataset_read(const char *directory, cvy_split split, cvy_status *status) {
    if (directory && !cvy_search_exists(directory)) {
        cvy_fail(status, CVY_FAILED, directory, "no such file or directory");
        return NULL;
    }
    cvy_place places[CVY_PLACES_MAX];
    int count = cvy_search_places(directory, places);
    for (int i = 0; i < count; i++) {
        cvy_dataset *dataset = load_place(&places[i], split, status);
        if (dataset || !cvy_ok(status))
            return dataset;
    }
    fail_not_found(places, count, split, status);
    return NULL;
}

/* ---- Labels ----------------------------------------------------------------------------------------------------- */

bool cvy_dataset_check_labels(const cvy_dataset *dataset, int classes, cvy_status *status) {
    if (!dataset->labels)
        return cvy_fail(status, CVY_USAGE, dataset->origin, "the data set has no labels");
    /* Each time anew: the labels may be the caller's, and may have changed. */
    uint8_t largest = 0;
    for (size_t k = 0; k < dataset->count; k++)
        largest = dataset->labels[k] > largest ? dataset->labels[k] : largest;
    if (largest < classes)
        return true;
    size_t i = 0;
    while (dataset->labels[i] < classes)
        i++;
    return cvy_fail(status, CVY_FAILED, dataset->origin,
                    "image %zu has label %d, but the network has %d classes (0 to %d)", i, dataset->labels[i], classes,
                    classes - 1);
}

void cvy_dataset_destroy(cvy_dataset *dataset) {
    if (!dataset)
        return;
    free(dataset->owned[0]);
    free(dataset->owned[1]);
    free(dataset->origin);
    free(dataset);
}
