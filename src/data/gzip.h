/* Gzipped files in memory (RFC 1952), of one or more members. */
#ifndef CVY_GZIP_H
#define CVY_GZIP_H

#include "../base/status.h"

/* Whether the bytes begin with the magic number of gzip. */
static inline bool cvy_is_gzip(const uint8_t *bytes, size_t count) {
    return count >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* Inflates the first bytes of a file, at most `wanted`, and returns how many there are: fewer if the file holds fewer.
 * What is corrupt ends them, too. */
size_t cvy_gunzip_head(const uint8_t *compressed, size_t count, uint8_t *head, size_t wanted);

/* Inflates a whole file to exactly `length` bytes. An error that names `path` if it holds fewer or more, if a member is
 * truncated, corrupt or has a wrong checksum or size, or if other bytes follow the last member. */
bool cvy_gunzip(const char *path, const uint8_t *compressed, size_t count, uint8_t *bytes, size_t length,
                cvy_status *status);

#endif
