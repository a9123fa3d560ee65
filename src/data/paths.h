/* Paths and directories of data sets. */
#ifndef CVY_PATHS_H
#define CVY_PATHS_H

#include "../base/status.h"

#include <limits.h>

/* directory/name, or directory if name is empty. A path that is too long becomes "", which does not exist. */
void cvy_path_join(char path[static PATH_MAX], const char *directory, const char *name);

bool cvy_path_is_directory(const char *path);

/* Whether there is anything at `path`. A file that may not be read exists too: its reader then says why it fails. */
bool cvy_path_exists(const char *path);

/* Whether both files of a split are there; if only one is, an error that names the other. */
bool cvy_path_both(bool has_images, const char *images, bool has_labels, const char *labels, cvy_status *status);

/* What a directory holds, except names that begin with a dot. Whole numbers come first, by value; all other names
 * follow by their bytes. */
typedef struct cvy_names {
    int count;
    struct dirent **entry; /* [count] entry[i]->d_name */
} cvy_names;

/* An error leaves nothing to free. */
bool cvy_names_read(const char *directory, cvy_names *names, cvy_status *status);
void cvy_names_free(cvy_names *names);

/* The order of names: less than, equal to or greater than zero. */
int cvy_names_compare(const char *a, const char *b);

#endif
