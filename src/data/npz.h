/* NumPy's .npz archives of C-ordered uint8 arrays, stored or deflated, such as Keras's mnist.npz. */
#ifndef CVY_NPZ_H
#define CVY_NPZ_H

#include "idx.h"

/* Reads the array `name` ("x_train": member x_train.npy) of the given rank, 1..4, from an .npz. The caller frees
 * array->owned. Errors name the path and the array: no zip archive, no such member, encryption, another compression, a
 * wrong checksum, a header that is not NumPy's format 1 to 3, another element type, order or rank, dimensions that
 * overflow, are zero or disagree with the member's length. */
bool cvy_npz_read(const char *path, const char *name, int rank, cvy_array_u8 *array, cvy_status *status);

#endif
