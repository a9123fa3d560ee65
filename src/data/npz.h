/* NumPy's .npz archives of C-ordered arrays, stored or deflated, such as Keras's mnist.npz. */
#ifndef CVY_NPZ_H
#define CVY_NPZ_H

#include "ndarray.h"

/* Reads the array `name` ("x_train": member x_train.npy) from an .npz. The caller frees array->owned. Errors name the
 * path and the array: no zip archive, no such member, encryption, another compression, a wrong checksum, and what
 * cvy_npy_parse refuses. Nothing is inflated before the member's header and its size agree. */
bool cvy_npz_read(const char *path, const char *name, cvy_ndarray *array, cvy_status *status);

#endif
