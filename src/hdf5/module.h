/* The interface of the module convoy-hdf5.so. The module alone links libhdf5; the library opens it when it first meets
 * an HDF5 file. All memory that outlives a call is the library's: a program may have an allocator of its own, which
 * the module does not see. */
#ifndef CVY_HDF5_MODULE_H
#define CVY_HDF5_MODULE_H

#include "../io/tree.h"

/* Changes with these structs, cvy_node, cvy_texts and cvy_status. */
enum { CVY_HDF5_INTERFACE = 1 };

/* Functions of the library that the module calls: those of io/tree.h and base/memory.h. */
typedef struct cvy_hdf5_host {
    cvy_node *(*add)(cvy_node *group, const char *name, cvy_node_kind kind, int rank, const size_t *shape,
                     cvy_status *status);
    bool (*allocate)(cvy_node *array, cvy_status *status);
    bool (*attach)(cvy_node *group, const char *name, bool array, size_t count, const char *const *texts,
                   cvy_status *status);
    void *(*allocate_bytes)(size_t bytes, const char *what, cvy_status *status);
} cvy_hdf5_host;

typedef struct cvy_hdf5_module {
    unsigned interface; /* CVY_HDF5_INTERFACE of the build */
    /* Reads a file's bytes into a root; errors name `origin` (the file) and the object. The data of all arrays takes at
     * most `most` bytes; with 0 arrays have no data. */
    bool (*read)(const cvy_hdf5_host *host, const char *origin, const void *bytes, size_t count, size_t most,
                 cvy_node *root, cvy_status *status);
    /* The bytes of a file; the caller frees them with free(). Equal trees give equal bytes. */
    void *(*write)(const cvy_hdf5_host *host, const char *origin, const cvy_node *root, size_t *count,
                   cvy_status *status);
} cvy_hdf5_module;

/* The one symbol that the module exports, a cvy_hdf5_module. */
#define CVY_HDF5_SYMBOL "convoy_hdf5"

#endif
