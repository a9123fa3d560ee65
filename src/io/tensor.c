#include "tensor.h"

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
