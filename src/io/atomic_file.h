/* Atomic writing: into a temporary file of the same directory, which is synced and then renamed.
 *
 * The temporary file is locked (flock). A killed process leaves it behind without its lock; the next file in that
 * directory removes it. */
#ifndef CVY_ATOMIC_FILE_H
#define CVY_ATOMIC_FILE_H

#include "../base/status.h"

#include <limits.h>

enum { CVY_TEMPORARY_MAX = 32 };

typedef struct cvy_atomic_file {
    const char *path;      /* the caller's; must outlive the file */
    char target[PATH_MAX]; /* what it names, once links are followed */
    const char *name;      /* the last part of target */
    int directory, descriptor;
    char temporary[CVY_TEMPORARY_MAX]; /* name in the directory */
} cvy_atomic_file;

/* Begins a file that the commit moves to `path`. A symbolic link stays, and the file that it names is written, also if
 * there is none yet. A file that is there is replaced, and the new one has its permissions; a new file has those of any
 * new file. What is there and is no regular file, or may not be written or replaced, is an error. On an error there is
 * nothing to commit. */
bool cvy_atomic_begin(const char *path, cvy_atomic_file *file, cvy_status *status);

/* Appends bytes. */
bool cvy_atomic_write(cvy_atomic_file *file, const void *bytes, size_t count, cvy_status *status);

/* Moves the file to `path` and closes it. If the status holds an error, of this or of an earlier call, the temporary
 * file is removed and the old file stays as it was. Only an error in syncing the directory, the last step, leaves the
 * new file in place. */
bool cvy_atomic_commit(cvy_atomic_file *file, cvy_status *status);

/* Removes the temporary file instead; the old file stays as it was. */
void cvy_atomic_abandon(cvy_atomic_file *file);

/* Whether a file can be begun at `path`, as far as can be known before it is written. Leaves nothing behind. */
bool cvy_atomic_check(const char *path, cvy_status *status);

/* The path that `path` leads to over symbolic links, whether there is a file or not. */
bool cvy_atomic_target(const char *path, char target[static PATH_MAX], cvy_status *status);

#endif
