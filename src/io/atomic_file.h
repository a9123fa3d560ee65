/* Files that appear whole or not at all: written under another name in the same directory, synced, then renamed. */
#ifndef CVY_ATOMIC_FILE_H
#define CVY_ATOMIC_FILE_H

#include "../base/status.h"

typedef struct cvy_atomic_file {
    const char *path; /* the caller's; must outlive the file */
    const char *name; /* its last part */
    int directory, descriptor;
    char temporary[64]; /* name in the directory */
} cvy_atomic_file;

/* Begins a file that will stand at `path`, with the permissions that any new file gets. What is at `path` now stays
 * until the commit; it must be a regular file or nothing. */
bool cvy_atomic_begin(const char *path, cvy_atomic_file *file, cvy_status *status);

bool cvy_atomic_write(cvy_atomic_file *file, const void *bytes, size_t count, cvy_status *status);

/* Puts the file in its place, if the status is good, and ends the writing either way: on an error, of this or of an
 * earlier call, the temporary file is gone and the old file as it was. Only an error in syncing the directory, the last
 * step, leaves the new file in its place. */
bool cvy_atomic_commit(cvy_atomic_file *file, cvy_status *status);

#endif
