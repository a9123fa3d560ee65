/* Zip archives: reading members that are stored or deflated, and writing stored ones. */
#ifndef CVY_ARCHIVE_H
#define CVY_ARCHIVE_H

#include "status.h"

/* Deflate makes at most this many bytes of one: its longest match, 258 bytes, takes at least two bits, one for the
 * length and one for the distance. What claims more is corrupt. */
enum { CVY_DEFLATE_EXPANSION_MAX = 258 * 8 / 2 };

typedef struct cvy_zip cvy_zip;

/* Opens an archive; NULL on an error. `path` must outlive it. */
cvy_zip *cvy_zip_open(const char *path, cvy_status *status);
/* NULL does nothing. */
void cvy_zip_close(cvy_zip *archive);

/* How many members have a name with this end: "/data.pkl", ".npy". */
size_t cvy_zip_count(const cvy_zip *archive, const char *end);
/* The name of member i, counted from 0; NULL past the last. */
const char *cvy_zip_name(const cvy_zip *archive, size_t i);
/* Whether there is a member of that name. */
bool cvy_zip_has(const cvy_zip *archive, const char *name);

/* Reads a member of at most `most` bytes, inflated and compared with its checksum, and a zero byte behind it, which
 * *length leaves out. The caller frees it; NULL on an error: there is none of that name or more than one, it is
 * encrypted, damaged, or longer. */
void *cvy_zip_read(cvy_zip *archive, const char *name, size_t most, size_t *length, cvy_status *status);

/* Reads the first bytes of a member, at most `most`, into head, and inflates no more than that. Sets *length to the
 * size of the whole member. Returns how many bytes it has read: fewer than `most` if the member ends, or is damaged; 0
 * also on an error, the same as cvy_zip_read's. */
size_t cvy_zip_read_head(cvy_zip *archive, const char *name, void *head, size_t most, size_t *length,
                         cvy_status *status);

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
