#include "tensor.h"

#include "../base/finite.h"

#include <math.h>
#include <stdio.h>

static const struct {
    const char *name;
    size_t bytes;
} dtypes[CVY_DTYPES] = {[CVY_F32] = {"F32", 4}, [CVY_F64] = {"F64", 8}, [CVY_I32] = {"I32", 4}};

const char *cvy_dtype_name(cvy_dtype dtype) {
    return dtypes[dtype].name;
}

size_t cvy_tensor_elements(const cvy_tensor *tensor) {
    size_t elements = 1;
    for (int i = 0; i < tensor->rank; i++)
        elements *= tensor->shape[i];
    return elements;
}

size_t cvy_tensor_bytes(const cvy_tensor *tensor) {
    return cvy_tensor_elements(tensor) * dtypes[tensor->dtype].bytes;
}

bool cvy_tensor_fits(const cvy_tensor *tensor) {
    size_t bytes = dtypes[tensor->dtype].bytes;
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(bytes, tensor->shape[i] ? tensor->shape[i] : 1, &bytes))
            return false;
    return bytes <= PTRDIFF_MAX;
}

void cvy_tensor_where(char where[static CVY_WHERE_MAX], const char *path, const char *name) {
    snprintf(where, CVY_WHERE_MAX, "%s: tensor %s", path, name);
}

/* "[2, 0, 5]" */
static void write_index(const cvy_tensor *tensor, size_t i, char text[static 96]) {
    size_t index[CVY_TENSOR_RANK_MAX] = {0}, length = 0;
    for (int axis = tensor->rank - 1; axis >= 0; axis--) {
        index[axis] = i % tensor->shape[axis];
        i /= tensor->shape[axis];
    }
    for (int axis = 0; axis < tensor->rank; axis++)
        length += (size_t)snprintf(text + length, 96 - length, "%s%zu", axis ? ", " : "[", index[axis]);
    snprintf(text + length, 96 - length, tensor->rank ? "]" : "[]");
}

bool cvy_tensor_check_finite(const cvy_tensor *tensor, const char *path, cvy_status *status) {
    const size_t count = cvy_tensor_elements(tensor);
    const double *doubles = tensor->data;
    size_t bad = count;
    if (tensor->dtype == CVY_F32)
        bad = cvy_first_not_finite(tensor->data, count);
    else if (tensor->dtype == CVY_F64)
        for (bad = 0; bad < count && isfinite(doubles[bad]);)
            bad++;
    if (bad == count)
        return true;
    double value = tensor->dtype == CVY_F32 ? (double)((const float *)tensor->data)[bad] : doubles[bad];
    char where[CVY_WHERE_MAX], index[96];
    cvy_tensor_where(where, path, tensor->name);
    write_index(tensor, bad, index);
    return cvy_fail(status, CVY_FAILED, where, "element %s is %s, expected a finite number", index,
                    isnan(value) ? "NaN"
                    : value > 0  ? "infinity"
                                 : "-infinity");
}
