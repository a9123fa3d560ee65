/* Zip archives: reading members that are stored or deflated, and writing stored ones. */
#ifndef CVY_ARCHIVE_H
#define CVY_ARCHIVE_H

#include "status.h"

typedef struct cvy_zip cvy_zip;

/* Opens an archive; NULL on an error. `path` must outlive it. */
cvy_zip *cvy_zip_open(const char *path, cvy_status *status);
/* NULL does nothing. */
void cvy_zip_close(cvy_zip *archive);

/* How many members have a name with this end: "/data.pkl", ".npy". */
size_t cvy_zip_count(const cvy_zip *archive, const char *end);
/* Whether there is a member of that name. */
bool cvy_zip_has(const cvy_zip *archive, const char *name);

/* Reads a member of at most `most` bytes, inflated and compared with its checksum, and a zero byte behind it, which
 * *length leaves out. The caller frees it; NULL on an error: there is none of that name or more than one, it is
 * encrypted, damaged, or longer. */
void *cvy_zip_read(cvy_zip *archive, const char *name, size_t most, size_t *length, cvy_status *status);

typedef struct cvy_zip_member {
    const char *name;
    const void *bytes;
    size_t count;
} cvy_zip_member;

/* The bytes of an archive, which the caller frees; NULL on an error, which names `origin`. Equal members give equal
 * bytes. */
void *cvy_zip_write(const char *origin, const cvy_zip_member *members, size_t count, size_t *length,
                    cvy_status *status);

#endif
