/* Where data sets are, and in which formats. */
#ifndef CVY_SEARCH_H
#define CVY_SEARCH_H

#include "ndarray.h"

#include <limits.h>

/* Reads a split from the place that the user named, or from the first of the default places that has it (NULL). Sets
 * where it was found, and images and labels as their file has them. The caller frees the memory of both, also after an
 * error. An error says where it has looked, or what it has found instead. */
bool cvy_search(const char *named, cvy_split split, char origin[static PATH_MAX], cvy_ndarray *images,
                cvy_ndarray *labels, cvy_status *status);

#endif
