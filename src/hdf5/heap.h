/* Texts of variable length in an HDF5 file lie in global heaps. */
#ifndef CVY_HDF5_HEAP_H
#define CVY_HDF5_HEAP_H

#include <stdbool.h>
#include <stddef.h>

enum { CVY_HDF5_REFERENCE = 16 }; /* bytes of a reference to a text */

/* Finds the text of a reference in a file whose addresses and lengths take 8 bytes. False if the reference leads
 * nowhere, or to an object that is shorter than the text. */
bool cvy_hdf5_heap_text(const unsigned char *file, size_t size, const unsigned char reference[CVY_HDF5_REFERENCE],
                        const char **text, size_t *length);

#endif
