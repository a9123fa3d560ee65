#include "gzip.h"

#include "../base/memory.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

typedef struct output {
    uint8_t *bytes;
    size_t length, capacity, limit;
} output;

/* The size of the last member modulo 2^32: the size of the usual file, one member of less than 4 GB. A first guess
 * only, the decoder finds out the true size. */
static size_t stated_size(const uint8_t *compressed, size_t count) {
    if (count < 4)
        return 0;
    const uint8_t *trailer = compressed + count - 4;
    return trailer[0] | (size_t)trailer[1] << 8 | (size_t)trailer[2] << 16 | (size_t)trailer[3] << 24;
}

static bool grow(output *out, const char *path, cvy_status *status) {
    size_t capacity = out->capacity > out->limit / 2 ? out->limit : 2 * out->capacity;
    uint8_t *bytes = cvy_allocate_unset(capacity, path, status);
    if (!bytes)
        return false;
    memcpy(bytes, out->bytes, out->length);
    free(out->bytes);
    out->bytes = bytes;
    out->capacity = capacity;
    return true;
}

static bool inflate_members(struct libdeflate_decompressor *decompressor, const char *path, const uint8_t *compressed,
                            size_t count, output *out, cvy_status *status) {
    for (size_t at = 0; at < count;) {
        if (!cvy_is_gzip(compressed + at, count - at))
            return cvy_fail(status, CVY_FAILED, path, "%zu bytes follow the end of the gzip stream", count - at);
        size_t taken, made;
        enum libdeflate_result result =
            libdeflate_gzip_decompress_ex(decompressor, compressed + at, count - at, out->bytes + out->length,
                                          out->capacity - out->length, &taken, &made);
        if (result == LIBDEFLATE_SUCCESS) {
            at += taken;
            out->length += made;
        } else if (result != LIBDEFLATE_INSUFFICIENT_SPACE || out->capacity == out->limit) {
            return cvy_fail(status, CVY_FAILED, path,
                            "gzip stream is truncated, corrupt, or disagrees with the checksum or size at its end");
        } else if (!grow(out, path, status)) {
            return false;
        }
    }
    return true;
}

uint8_t *cvy_gunzip(const char *path, const uint8_t *compressed, size_t count, size_t *length, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    output out = {.limit = count > SIZE_MAX / CVY_DEFLATE_EXPANSION_MAX ? SIZE_MAX : count * CVY_DEFLATE_EXPANSION_MAX};
    out.capacity = stated_size(compressed, count);
    if (out.capacity > out.limit)
        out.capacity = out.limit;
    if (out.capacity == 0)
        out.capacity = 1;
    out.bytes = cvy_allocate_unset(out.capacity, path, status);
    if (!out.bytes)
        return NULL;
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (!decompressor)
        cvy_fail(status, CVY_FAILED, path, "out of memory for the gzip decoder");
    if (!decompressor || !inflate_members(decompressor, path, compressed, count, &out, status)) {
        free(out.bytes);
        out.bytes = NULL;
    }
    libdeflate_free_decompressor(decompressor);
    *length = out.length;
    return out.bytes;
}
