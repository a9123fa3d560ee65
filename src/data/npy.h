/* NumPy's .npy files of C-ordered arrays. Format: NEP 1, "A simple file format for NumPy arrays". */
#ifndef CVY_NPY_H
#define CVY_NPY_H

#include "ndarray.h"

/* Longer headers are no arrays that Convoy reads. NumPy itself reads up to 10,000 bytes. */
enum { CVY_NPY_HEAD_MAX = 1 << 14 };

/* Parses the header of a file of `length` bytes, which must hold one array of rank 1 to 4 and nothing else. `head` is
 * its first `count` bytes: all of them, or CVY_NPY_HEAD_MAX. Sets the array's element type, rank and shape. Returns
 * where the elements begin; 0 and an error that names array->where if the file is not such a one. */
size_t cvy_npy_parse(const uint8_t *head, size_t count, uint64_t length, cvy_ndarray *array, cvy_status *status);

/* Reads a file. The caller frees array->owned. */
bool cvy_npy_read(const char *path, cvy_ndarray *array, cvy_status *status);

#endif
