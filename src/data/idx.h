/* IDX files (the format of MNIST), plain or gzipped. */
#ifndef CVY_IDX_H
#define CVY_IDX_H

#include "../base/status.h"

/* An unsigned-byte array of rank 1..4. */
typedef struct cvy_array_u8 {
    int rank;
    size_t shape[4];
    uint8_t *data; /* the elements, inside `owned` */
    void *owned;   /* to free() */
} cvy_array_u8;

/* Reads an IDX file of unsigned bytes with the given rank, 1..4; one that begins as gzip does is inflated, whatever its
 * name. Errors name the path and say what was found and expected: magic, element type, rank, dimensions that overflow
 * or are zero, length (short or trailing bytes), a gzip stream that is truncated, corrupt, or lies about its size. */
bool cvy_idx_read(const char *path, int rank, cvy_array_u8 *array, cvy_status *status);

/* For messages: "60000 x 28 x 28". Returns text. */
const char *cvy_array_shape_text(const size_t *shape, int rank, char text[static 96]);

/* The number of elements of a shape; an error that names the path if it overflows or is zero. */
bool cvy_array_elements(const char *path, const size_t *shape, int rank, size_t *elements, cvy_status *status);

#endif
