/* HDF5 files in memory, read and written by the module convoy-hdf5.so (module.h). */
#ifndef CVY_HDF5_FILE_H
#define CVY_HDF5_FILE_H

#include "../io/tree.h"

/* Reads a file's bytes. `origin` is its name in messages. The data of its arrays takes at most `most` bytes; with 0 the
 * arrays have no data. The caller frees the tree; NULL on an error: a damaged file, one that holds what no model needs
 * (links, types, filters, layouts), or a module that is not there. */
cvy_node *cvy_hdf5_read(const char *origin, const void *bytes, size_t count, size_t most, cvy_status *status);

/* The bytes of a file, which the caller frees with free(). NULL on an error. */
void *cvy_hdf5_write(const char *origin, const cvy_node *root, size_t *count, cvy_status *status);

#endif
