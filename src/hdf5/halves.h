/* The two halves of the module, and libhdf5 as both include it. */
#ifndef CVY_HDF5_HALVES_H
#define CVY_HDF5_HALVES_H

#include "module.h"

#define H5_USE_110_API
#include <hdf5.h>

/* H5F_ACC_RDONLY and H5F_ACC_TRUNC as numbers: the macros call H5check_version(), which ends the program if it is not
 * content. The module compares the versions itself. */
enum { CVY_HDF5_READ_ONLY = 0, CVY_HDF5_TRUNCATE = 2 };

bool cvy_hdf5_module_read(const char *origin, const void *bytes, size_t count, size_t most, cvy_node *root,
                          cvy_status *status);
void *cvy_hdf5_module_write(const char *origin, const cvy_node *root, size_t *count, cvy_status *status);

#endif
