/* IDX files (the format of MNIST), plain or gzipped. */
#ifndef CVY_IDX_H
#define CVY_IDX_H

#include "../base/status.h"

/* An unsigned-byte array of rank 1..4. */
typedef struct cvy_array_u8 {
    int rank;
    size_t shape[4];
    uint8_t *data; /* the elements in C order, within `owned` */
    void *owned;   /* free() it */
} cvy_array_u8;

/* Reads an IDX file of unsigned bytes of the given rank, 1..4. The caller frees array->owned. A file that begins with
 * gzip's magic number is inflated. Errors name the path, what was found and what is expected: a wrong magic number,
 * element type, rank or length, dimensions that overflow or are zero, a corrupt gzip stream. */
bool cvy_idx_read(const char *path, int rank, cvy_array_u8 *array, cvy_status *status);

/* Writes "60000 x 28 x 28", for messages. Returns text. */
const char *cvy_array_shape_text(const size_t *shape, int rank, char text[static 96]);

/* The number of elements of a shape; an error that names the path if it overflows or is zero. */
bool cvy_array_elements(const char *path, const size_t *shape, int rank, size_t *elements, cvy_status *status);

#endif
