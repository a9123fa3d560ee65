/* The interface of the module convoy-hdf5.so. The module alone links libhdf5; the library opens it when it first meets
 * an HDF5 file. */
#ifndef CVY_HDF5_MODULE_H
#define CVY_HDF5_MODULE_H

#include "../io/tree.h"

/* Changes with these structs, cvy_node, cvy_texts and cvy_status. */
enum { CVY_HDF5_INTERFACE = 1 };

typedef struct cvy_hdf5_module {
    unsigned interface; /* CVY_HDF5_INTERFACE of the build */
    /* Reads a file's bytes into a root; errors name `origin` (the file) and the object. The data of all arrays takes at
     * most `most` bytes; with 0 arrays have no data. */
    bool (*read)(const char *origin, const void *bytes, size_t count, size_t most, cvy_node *root, cvy_status *status);
    /* The bytes of a file; the caller frees them with free(). Equal trees give equal bytes. */
    void *(*write)(const char *origin, const cvy_node *root, size_t *count, cvy_status *status);
} cvy_hdf5_module;

/* The one symbol that the module exports, a cvy_hdf5_module. */
#define CVY_HDF5_SYMBOL "convoy_hdf5"

#endif
