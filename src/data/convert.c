#include "convert.h"

#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 256 };

/* In place: a value is written at or before the place that it is read from. */
static bool narrow(cvy_ndarray *array, size_t elements, cvy_status *status) {
    const char *from = array->data;
    char *to = array->owned;
    for (size_t i = 0; i < elements; i++) {
        double wide;
        memcpy(&wide, from + i * sizeof wide, sizeof wide);
        float value = (float)wide;
        memcpy(to + i * sizeof value, &value, sizeof value);
    }
    void *smaller = realloc(array->owned, elements * sizeof(float));
    if (!smaller)
        return cvy_fail_memory(status, array->where, elements * sizeof(float));
    array->data = array->owned = smaller;
    array->element = CVY_ELEMENT_F32;
    return true;
}

bool cvy_convert_images(cvy_ndarray *array, cvy_status *status) {
    char text[CVY_SHAPE_TEXT_MAX];
    if (!cvy_ok(status))
        return false;
    if (array->rank < 3)
        return cvy_fail(status, CVY_FAILED, array->where,
                        "an array of %s, expected images: N x HEIGHT x WIDTH or N x HEIGHT x WIDTH x CHANNELS",
                        cvy_ndarray_shape_text(array, text));
    if (array->element == CVY_ELEMENT_F64)
        return narrow(array, cvy_ndarray_elements(array, 0), status);
    if (array->element == CVY_ELEMENT_F32) {
        if ((uintptr_t)array->data % sizeof(float))
            array->data = memmove(array->owned, array->data, cvy_ndarray_elements(array, 0) * sizeof(float));
    } else if (array->element != CVY_ELEMENT_U8) {
        return cvy_fail(status, CVY_FAILED, array->where,
                        "images of %s, expected uint8, float32 or float64; NumPy's x.astype(\"float32\") converts them",
                        cvy_element_types[array->element].name);
    }
    return true;
}

/* The class of a one-hot row; -1 and an error if it is none. */
static int one_hot(const cvy_ndarray *array, size_t row, cvy_status *status) {
    size_t classes = array->shape[1];
    int label = -1;
    for (size_t i = 0; i < classes; i++) {
        double value = cvy_ndarray_at(array, row * classes + i);
        if (value == 0)
            continue;
        if (value != 1 || label >= 0) {
            cvy_fail(status, CVY_FAILED, array->where,
                     value != 1 ? "row %zu is not one-hot: it has %g in column %zu, expected a single 1 and zeros"
                                : "row %zu is not one-hot: it has a second %g in column %zu",
                     row, value, i);
            return -1;
        }
        label = (int)i;
    }
    if (label < 0)
        cvy_fail(status, CVY_FAILED, array->where, "row %zu is not one-hot: it has no 1", row);
    return label;
}

static int class_number(const cvy_ndarray *array, size_t i, cvy_status *status) {
    double value = cvy_ndarray_at(array, i);
    if (value >= 0 && value < CLASSES_MAX)
        return (int)value;
    cvy_fail(status, CVY_FAILED, array->where, "label %zu is %.0f, expected 0 to %d", i, value, CLASSES_MAX - 1);
    return -1;
}

bool cvy_convert_labels(cvy_ndarray *array, cvy_status *status) {
    char text[CVY_SHAPE_TEXT_MAX];
    if (!cvy_ok(status))
        return false;
    bool column = array->rank == 1 || (array->rank == 2 && array->shape[1] == 1);
    bool whole = array->element != CVY_ELEMENT_F32 && array->element != CVY_ELEMENT_F64;
    if (array->rank > 2 || (!column && array->shape[1] > CLASSES_MAX))
        return cvy_fail(
            status, CVY_FAILED, array->where,
            "an array of %s, expected labels: N or N x 1, or one-hot rows N x CLASSES of at most %d classes",
            cvy_ndarray_shape_text(array, text), CLASSES_MAX);
    if (column && !whole)
        return cvy_fail(status, CVY_FAILED, array->where,
                        "labels of %s, expected an integer type; NumPy's y.astype(\"uint8\") converts them",
                        cvy_element_types[array->element].name);
    /* In place, too. */
    uint8_t *labels = array->owned;
    for (size_t i = 0; i < array->shape[0]; i++) {
        int label = column ? class_number(array, i, status) : one_hot(array, i, status);
        if (label < 0)
            return false;
        labels[i] = (uint8_t)label;
    }
    array->data = labels;
    array->element = CVY_ELEMENT_U8;
    array->rank = 1;
    return true;
}
