/* CIFAR-10's binary version. */
#ifndef CVY_CIFAR_H
#define CVY_CIFAR_H

#include "ndarray.h"

/* Reads a split from a directory: data_batch_1.bin to data_batch_5.bin, or test_batch.bin. The images become N x 32 x
 * 32 x 3. False without an error if none of the files is there. */
bool cvy_cifar_read(const char *directory, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels,
                    cvy_status *status);

#endif
