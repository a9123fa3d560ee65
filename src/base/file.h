/* Reading regular files, with errors that name the path. */
#ifndef CVY_FILE_H
#define CVY_FILE_H

#include "status.h"

typedef struct cvy_file {
    const char *path; /* the caller's; must outlive the file */
    int descriptor;
    size_t length; /* bytes, when it was opened */
} cvy_file;

/* Opens a regular file; a directory, pipe or device is an error. */
bool cvy_file_open(const char *path, cvy_file *file, cvy_status *status);

/* Reads exactly `count` bytes from `offset` on. A file that has become shorter since it was opened is an error. */
bool cvy_file_read(const cvy_file *file, size_t offset, void *bytes, size_t count, cvy_status *status);

void cvy_file_close(cvy_file *file);

/* The text of a file of at most `most` bytes, which may also be a pipe: its length in *length, a zero behind it. The
 * caller frees it. `expected` says in the error about a larger file what it should have been. */
char *cvy_file_read_text(const char *path, size_t most, const char *expected, size_t *length, cvy_status *status);

#endif
