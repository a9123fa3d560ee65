/* libdeflate is three times as fast as zlib, but inflates whole members only. So zlib inflates the head. */
#include "gzip.h"

#include <libdeflate.h>
#include <limits.h>
#include <zlib.h>

size_t cvy_gunzip_head(const uint8_t *compressed, size_t count, uint8_t *head, size_t wanted) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)compressed,
                       .avail_in = count < UINT_MAX ? (unsigned)count : UINT_MAX,
                       .next_out = head,
                       .avail_out = (unsigned)wanted};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) /* 16: gzip */
        return 0;
    while (inflate(&stream, Z_SYNC_FLUSH) == Z_STREAM_END && stream.avail_out > 0 &&
           cvy_is_gzip(stream.next_in, stream.avail_in))
        inflateReset(&stream);
    inflateEnd(&stream);
    return wanted - stream.avail_out;
}

static bool inflate_members(struct libdeflate_decompressor *decompressor, const char *path, const uint8_t *compressed,
                            size_t count, uint8_t *bytes, size_t length, cvy_status *status) {
    size_t done = 0;
    for (size_t at = 0; at < count;) {
        if (!cvy_is_gzip(compressed + at, count - at))
            return cvy_fail(status, CVY_FAILED, path, "%zu bytes follow the end of the gzip stream", count - at);
        size_t taken, made;
        enum libdeflate_result result = libdeflate_gzip_decompress_ex(decompressor, compressed + at, count - at,
                                                                      bytes + done, length - done, &taken, &made);
        if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
            return cvy_fail(status, CVY_FAILED, path,
                            "is truncated, or inflates to more than the %zu bytes that its header promises", length);
        if (result != LIBDEFLATE_SUCCESS)
            return cvy_fail(status, CVY_FAILED, path,
                            "gzip stream is truncated, corrupt, or disagrees with the checksum or size at its end");
        at += taken;
        done += made;
    }
    return done == length ||
           cvy_fail(status, CVY_FAILED, path, "inflates to %zu bytes, but its header promises %zu", done, length);
}

bool cvy_gunzip(const char *path, const uint8_t *compressed, size_t count, uint8_t *bytes, size_t length,
                cvy_status *status) {
    if (!cvy_ok(status))
        return false;
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    bool done = decompressor ? inflate_members(decompressor, path, compressed, count, bytes, length, status)
                             : cvy_fail(status, CVY_FAILED, path, "out of memory for the gzip decoder");
    libdeflate_free_decompressor(decompressor);
    return done;
}
