/* Tensors as safetensors files hold them. */
#ifndef CVY_TENSOR_H
#define CVY_TENSOR_H

#include "../base/status.h"

typedef enum cvy_dtype { CVY_F32, CVY_F64, CVY_I32 } cvy_dtype;

enum { CVY_DTYPES = CVY_I32 + 1, CVY_TENSOR_RANK_MAX = 4, CVY_WHERE_MAX = sizeof((cvy_status){0}.where) };

typedef struct cvy_tensor {
    const char *name;
    cvy_dtype dtype;
    int rank; /* 0 (a scalar) to 4 */
    size_t shape[CVY_TENSOR_RANK_MAX];
    const void *data; /* little-endian, in C order; when read, aligned to 64 bytes */
} cvy_tensor;

/* The format's name of a type: "F32", "F64", "I32". */
const char *cvy_dtype_name(cvy_dtype dtype);

/* The number of elements: the product of the shape, 1 for a scalar. */
size_t cvy_tensor_elements(const cvy_tensor *tensor);

/* The size of the data in bytes. */
size_t cvy_tensor_bytes(const cvy_tensor *tensor);

/* Whether the two above can be computed: the product of the shape fits, also with 1 in place of every extent of 0. */
bool cvy_tensor_fits(const cvy_tensor *tensor);

/* Where an error is: "FILE: tensor NAME". */
void cvy_tensor_where(char where[static CVY_WHERE_MAX], const char *path, const char *name);

/* Whether no element is NaN or infinite. The error names the file, the tensor and the first such element. */
bool cvy_tensor_check_finite(const cvy_tensor *tensor, const char *path, cvy_status *status);

#endif
