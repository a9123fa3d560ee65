/* IDX files (the format of MNIST), plain or gzipped. */
#ifndef CVY_IDX_H
#define CVY_IDX_H

#include "ndarray.h"

/* Reads an IDX file of unsigned bytes of rank 1 to 4. The caller frees array->owned. A file that begins with gzip's
 * magic number is inflated, to the size that its header promises. Errors name the path, what was found and what is
 * expected: a wrong magic number, element type, rank or length, dimensions that overflow or are zero, a corrupt gzip
 * stream. */
bool cvy_idx_read(const char *path, cvy_ndarray *array, cvy_status *status);

/* Reads a split's files of a directory, PREFIX-images-idx3-ubyte and PREFIX-labels-idx1-ubyte. The second dash may be a
 * dot, and .gz may follow; a plain file comes first. False without an error if neither is there. */
bool cvy_idx_read_pair(const char *directory, const char *prefix, cvy_ndarray *images, cvy_ndarray *labels,
                       cvy_status *status);

/* Whether a directory has a file of images of that prefix. */
bool cvy_idx_has_images(const char *directory, const char *prefix);

#endif
