/* Atomic writing: into a temporary file of the same directory, which is synced and then renamed. */
#ifndef CVY_ATOMIC_FILE_H
#define CVY_ATOMIC_FILE_H

#include "../base/status.h"

typedef struct cvy_atomic_file {
    const char *path; /* the caller's; must outlive the file */
    const char *name; /* its last part */
    int directory, descriptor;
    char temporary[64]; /* name in the directory */
} cvy_atomic_file;

/* Begins a file that the commit moves to `path`, with the permissions of any new file. Anything but a regular file at
 * `path` is an error. On an error there is nothing to commit. */
bool cvy_atomic_begin(const char *path, cvy_atomic_file *file, cvy_status *status);

/* Appends bytes. */
bool cvy_atomic_write(cvy_atomic_file *file, const void *bytes, size_t count, cvy_status *status);

/* Moves the file to `path` and closes it. If the status holds an error, of this or of an earlier call, the temporary
 * file is removed and the old file stays as it was. Only an error in syncing the directory, the last step, leaves the
 * new file in place. */
bool cvy_atomic_commit(cvy_atomic_file *file, cvy_status *status);

#endif
