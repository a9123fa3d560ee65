/* Arrays as data files hold them: any element type, C order. */
#ifndef CVY_NDARRAY_H
#define CVY_NDARRAY_H

#include "../base/status.h"

typedef enum cvy_element {
    CVY_ELEMENT_U8,
    CVY_ELEMENT_F32,
    CVY_ELEMENT_F64,
    CVY_ELEMENT_BOOL,
    CVY_ELEMENT_I8,
    CVY_ELEMENT_U16,
    CVY_ELEMENT_I16,
    CVY_ELEMENT_U32,
    CVY_ELEMENT_I32,
    CVY_ELEMENT_U64,
    CVY_ELEMENT_I64,
} cvy_element;

enum { CVY_ELEMENTS = CVY_ELEMENT_I64 + 1, CVY_NDARRAY_RANK_MAX = 4, CVY_SHAPE_TEXT_MAX = 96 };

/* For each element type NumPy's name, its descr in an .npy file, and the size in bytes. */
extern const struct cvy_element_type {
    const char *name, *descr;
    size_t size;
} cvy_element_types[CVY_ELEMENTS];

typedef struct cvy_ndarray {
    char where[sizeof((cvy_status){0}.where)]; /* its file, for messages */
    cvy_element element;
    int rank; /* 1 to 4 */
    size_t shape[CVY_NDARRAY_RANK_MAX];
    void *data;  /* the elements, little-endian, perhaps not aligned; within `owned` */
    void *owned; /* free() it */
} cvy_ndarray;

/* An array of that file, with nothing in it yet. */
cvy_ndarray cvy_ndarray_of(const char *where);

/* The size of the data; an error if it overflows or is zero. */
bool cvy_ndarray_bytes(const cvy_ndarray *array, size_t *bytes, cvy_status *status);

/* The number of elements from axis `from` on, of an array that has passed cvy_ndarray_bytes. */
size_t cvy_ndarray_elements(const cvy_ndarray *array, int from);

/* Writes "60000 x 28 x 28", for messages. Returns text. */
const char *cvy_ndarray_shape_text(const cvy_ndarray *array, char text[static CVY_SHAPE_TEXT_MAX]);

/* Element i. A 64-bit integer beyond 2^53 is rounded. */
double cvy_ndarray_at(const cvy_ndarray *array, size_t i);

#endif
