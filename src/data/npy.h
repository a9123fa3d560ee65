/* The header of a NumPy .npy file. Format: NEP 1, "A simple file format for NumPy arrays". */
#ifndef CVY_NPY_H
#define CVY_NPY_H

#include "idx.h"

/* Parses the header at the start of a file of `length` bytes, which must hold one C-ordered uint8 array of that rank
 * and nothing else. Sets the array's rank, shape and data, which points into the file. Errors name `where`. */
bool cvy_npy_parse(const char *where, uint8_t *file, size_t length, int rank, cvy_array_u8 *array, cvy_status *status);

#endif
