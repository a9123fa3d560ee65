/* The texts that are attached to an object of an HDF5 file. libhdf5 1.10.8 reads and writes past the ends of its
 * buffers where an attribute of a damaged file states a wrong size, so these are read here, with every size checked. */
#ifndef CVY_HDF5_ATTRIBUTES_H
#define CVY_HDF5_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file in memory whose addresses and lengths take 8 bytes. */
typedef struct cvy_hdf5_image {
    const unsigned char *bytes;
    size_t count;
} cvy_hdf5_image;

typedef struct cvy_hdf5_attribute {
    const char *name;
    bool texts;    /* not numbers */
    bool variable; /* texts of variable length: the values are references into a heap */
    bool array;
    size_t count, element; /* values, and bytes of each */
    const unsigned char *values;
} cvy_hdf5_attribute;

/* Called for an attribute; false ends the reading. */
typedef bool cvy_hdf5_visit(const cvy_hdf5_attribute *attribute, void *user);

/* Visits the attributes of the object whose header is at that address. False if a header or an attribute is damaged, or
 * of a form that Keras's files do not have, or if a visit returned false. */
bool cvy_hdf5_attributes(const cvy_hdf5_image *file, uint64_t address, cvy_hdf5_visit *visit, void *user);

/* The bytes of text i of an attribute; it may end in zeros. False if it is not in the file. */
bool cvy_hdf5_text(const cvy_hdf5_image *file, const cvy_hdf5_attribute *attribute, size_t i, const char **text,
                   size_t *length);

#endif
