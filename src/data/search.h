/* Where a data set in MNIST's formats is looked for. */
#ifndef CVY_SEARCH_H
#define CVY_SEARCH_H

#include "../base/status.h"

#include <limits.h>

typedef struct cvy_place {
    bool npz; /* path is an .npz; otherwise a directory of IDX files */
    char path[PATH_MAX];
} cvy_place;

enum { CVY_PLACES_MAX = 6 };

/* The places for a directory or .npz that the user named, or by default (NULL), first choice first. Returns how many.
 */
int cvy_search_places(const char *directory, cvy_place places[static CVY_PLACES_MAX]);

/* Whether there is something at `path`: only that it does not exist means no, so that what may not be read is found,
 * and its reader says why it cannot. */
bool cvy_search_exists(const char *path);

/* The IDX file of that name ("train-images", rank 3) in a directory: NAME-idx3-ubyte or NAME.idx3-ubyte, plain before
 * .gz. False if there is none; then path is the first of these. */
bool cvy_search_idx(const char *directory, const char *name, int rank, char path[static PATH_MAX]);

#endif
