/* Reading regular files, with errors that name the path. */
#ifndef CVY_FILE_H
#define CVY_FILE_H

#include "status.h"

typedef struct cvy_file {
    const char *path; /* the caller's; must outlive the file */
    int descriptor;
    size_t length; /* in bytes, at the time of opening */
} cvy_file;

/* Opens a regular file for reading; a directory, pipe or device is an error. On an error there is nothing to close. */
bool cvy_file_open(const char *path, cvy_file *file, cvy_status *status);

/* Reads exactly `count` bytes from `offset` on; too few bytes are an error. */
bool cvy_file_read(const cvy_file *file, size_t offset, void *bytes, size_t count, cvy_status *status);

void cvy_file_close(cvy_file *file);

/* Reads a text of at most `most` bytes from a file or pipe. Appends a zero byte; *length leaves it out. The caller
 * frees the text; NULL on an error. The error about a larger file says that it is no `expected`. */
char *cvy_file_read_text(const char *path, size_t most, const char *expected, size_t *length, cvy_status *status);

#endif
