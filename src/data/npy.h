/* The header of a NumPy .npy file. Format: NEP 1, "A simple file format for NumPy arrays". */
#ifndef CVY_NPY_H
#define CVY_NPY_H

#include "idx.h"

/* Parses the header at the start of a file of `length` bytes, which must be a C-ordered uint8 array of that rank and
 * fill the file; sets the array's rank, shape and data. Errors name `where`. */
bool cvy_npy_parse(const char *where, uint8_t *file, size_t length, int rank, cvy_array_u8 *array, cvy_status *status);

#endif
