/* The places of data sets in MNIST's formats. */
#ifndef CVY_SEARCH_H
#define CVY_SEARCH_H

#include "../base/status.h"

#include <limits.h>

typedef struct cvy_place {
    bool npz; /* path is an .npz; otherwise a directory of IDX files */
    char path[PATH_MAX];
} cvy_place;

enum { CVY_PLACES_MAX = 6 };

/* The places to look in, in order: those of a directory or .npz that the user named, or the default ones (NULL).
 * Returns their number. */
int cvy_search_places(const char *directory, cvy_place places[static CVY_PLACES_MAX]);

/* Whether there is anything at `path`. A file that may not be read exists too: its reader then says why it fails. */
bool cvy_search_exists(const char *path);

/* Finds the IDX file of that name ("train-images", rank 3) in a directory: NAME-idx3-ubyte or NAME.idx3-ubyte, plain
 * or, as second choice, with .gz. False if there is none; path is then NAME-idx3-ubyte. */
bool cvy_search_idx(const char *directory, const char *name, int rank, char path[static PATH_MAX]);

#endif
