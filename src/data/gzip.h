/* Gzipped files in memory (RFC 1952). */
#ifndef CVY_GZIP_H
#define CVY_GZIP_H

#include "../base/status.h"

/* Deflate expands a byte to at most this many: its longest match, 258 bytes, takes two bits at least, one for the
 * length and one for the distance. What promises more is not worth allocating for. */
enum { CVY_DEFLATE_EXPANSION_MAX = 258 * 8 / 2 };

/* Whether these bytes begin as a gzip member does. */
static inline bool cvy_is_gzip(const uint8_t *bytes, size_t count) {
    return count >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* Inflates a gzip file of one or more members; the result is freed with free(). A member that is truncated, corrupt or
 * lies about its checksum or size, and bytes after the last one, are errors that name `path`: then NULL. */
uint8_t *cvy_gunzip(const char *path, const uint8_t *compressed, size_t count, size_t *length, cvy_status *status);

#endif
