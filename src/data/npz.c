/* libzip finds the member and reads its compressed bytes. libdeflate inflates them: it is three times as fast as zlib,
 * which libzip would use, and detects a wrong size or checksum. */
#include "npz.h"

#include "../base/file.h"
#include "../base/memory.h"
#include "gzip.h"
#include "npy.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

/* Checks the sizes and methods that the archive states for a member, before memory is allocated for it. `archive` is
 * the length of the file. */
static bool check_entry(const char *where, const zip_stat_t *entry, size_t archive, cvy_status *status) {
    const zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC;
    if ((entry->valid & wanted) != wanted)
        return cvy_fail(status, CVY_FAILED, where, "the archive does not say its size");
    if ((entry->valid & ZIP_STAT_ENCRYPTION_METHOD) && entry->encryption_method != ZIP_EM_NONE)
        return cvy_fail(status, CVY_FAILED, where, "is encrypted");
    if (entry->comp_method != ZIP_CM_STORE && entry->comp_method != ZIP_CM_DEFLATE)
        return cvy_fail(status, CVY_FAILED, where, "compression method %d, expected stored or deflated",
                        entry->comp_method);
    bool stored = entry->comp_method == ZIP_CM_STORE;
    if (entry->comp_size > archive ||
        (stored ? entry->size != entry->comp_size : entry->size / CVY_DEFLATE_EXPANSION_MAX > entry->comp_size))
        return cvy_fail(status, CVY_FAILED, where,
                        "%" PRIu64 " bytes, %" PRIu64 " compressed, are not possible in a file of %zu bytes",
                        entry->size, entry->comp_size, archive);
    return true;
}

static uint8_t *read_compressed(zip_t *archive, const char *where, const zip_stat_t *entry, cvy_status *status) {
    uint8_t *bytes = cvy_allocate_unset((size_t)entry->comp_size, where, status);
    if (!bytes)
        return NULL;
    zip_file_t *member = zip_fopen_index(archive, entry->index, ZIP_FL_COMPRESSED);
    zip_uint64_t done = 0;
    while (member && done < entry->comp_size) {
        zip_int64_t got = zip_fread(member, bytes + done, entry->comp_size - done);
        if (got <= 0)
            break;
        done += (zip_uint64_t)got;
    }
    if (member)
        zip_fclose(member);
    if (member && done == entry->comp_size)
        return bytes;
    cvy_fail(status, CVY_FAILED, where, "cannot read its %" PRIu64 " compressed bytes", entry->comp_size);
    free(bytes);
    return NULL;
}

static uint8_t *inflate(const char *where, const uint8_t *compressed, const zip_stat_t *entry, cvy_status *status) {
    uint8_t *bytes = cvy_allocate_unset((size_t)entry->size, where, status);
    if (!bytes)
        return NULL;
    size_t taken;
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (!decompressor)
        cvy_fail(status, CVY_FAILED, where, "out of memory for the zip decoder");
    else if (libdeflate_deflate_decompress_ex(decompressor, compressed, (size_t)entry->comp_size, bytes,
                                              (size_t)entry->size, &taken, NULL) != LIBDEFLATE_SUCCESS ||
             taken != entry->comp_size)
        cvy_fail(status, CVY_FAILED, where, "compressed data is corrupt, or not %" PRIu64 " bytes long", entry->size);
    libdeflate_free_decompressor(decompressor);
    if (cvy_ok(status))
        return bytes;
    free(bytes);
    return NULL;
}

/* The member's bytes, inflated and compared with their checksum. */
static uint8_t *read_entry(zip_t *archive, const char *where, const zip_stat_t *entry, cvy_status *status) {
    uint8_t *bytes = read_compressed(archive, where, entry, status);
    if (bytes && entry->comp_method == ZIP_CM_DEFLATE) {
        uint8_t *compressed = bytes;
        bytes = inflate(where, compressed, entry, status);
        free(compressed);
    }
    if (bytes && libdeflate_crc32(0, bytes, (size_t)entry->size) != entry->crc) {
        cvy_fail(status, CVY_FAILED, where, "its checksum is wrong");
        free(bytes);
        return NULL;
    }
    return bytes;
}

/* Parses the header of an array. libzip inflates no more than that. */
static size_t parse_head(zip_t *archive, const zip_stat_t *entry, cvy_ndarray *array, cvy_status *status) {
    uint8_t head[CVY_NPY_HEAD_MAX];
    zip_file_t *member = zip_fopen_index(archive, entry->index, 0);
    size_t count = 0;
    for (zip_int64_t got = 1; member && got > 0 && count<sizeof head; count += got> 0 ? (size_t)got : 0)
        got = zip_fread(member, head + count, sizeof head - count);
    if (member)
        zip_fclose(member);
    return cvy_npy_parse(head, count, entry->size, array, status);
}

static bool read_member(zip_t *archive, const zip_stat_t *entry, size_t length, cvy_ndarray *array,
                        cvy_status *status) {
    size_t begin = check_entry(array->where, entry, length, status) ? parse_head(archive, entry, array, status) : 0;
    array->owned = begin ? read_entry(archive, array->where, entry, status) : NULL;
    if (!array->owned)
        return false;
    array->data = (uint8_t *)array->owned + begin;
    return true;
}

/* "x, y_train, ...", for messages. */
static void list_members(zip_t *archive, char *text, size_t size) {
    size_t length = 0;
    snprintf(text, size, "nothing");
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0) && i < 8 && length < size; i++) {
        const char *name = zip_get_name(archive, (zip_uint64_t)i, 0);
        length += (size_t)snprintf(text + length, size - length, "%s%.40s", i ? ", " : "", name ? name : "?");
    }
}

static bool find_and_read(zip_t *archive, const char *path, size_t length, const char *name, cvy_ndarray *array,
                          cvy_status *status) {
    char member[64], found[384], where[sizeof array->where];
    snprintf(member, sizeof member, "%s.npy", name);
    snprintf(where, sizeof where, "%s: %s", path, member);
    *array = cvy_ndarray_of(where);
    zip_stat_t entry;
    zip_int64_t index = zip_name_locate(archive, member, 0);
    list_members(archive, found, sizeof found);
    if (index < 0)
        return cvy_fail(status, CVY_FAILED, path, "has no array %s; it holds %s", name, found);
    if (zip_stat_index(archive, (zip_uint64_t)index, 0, &entry) < 0)
        return cvy_fail(status, CVY_FAILED, where, "%s", zip_strerror(archive));
    return read_member(archive, &entry, length, array, status);
}

bool cvy_npz_read(const char *path, const char *name, cvy_ndarray *array, cvy_status *status) {
    *array = cvy_ndarray_of(path);
    cvy_file file; /* for its length, and better messages than libzip's about directories and permissions */
    if (!cvy_file_open(path, &file, status))
        return false;
    cvy_file_close(&file);
    int code;
    zip_t *archive = zip_open(path, ZIP_RDONLY, &code);
    if (!archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        cvy_fail(status, CVY_FAILED, path, "cannot open as an .npz: %s (other formats are read from their directory)",
                 zip_error_strerror(&error));
        zip_error_fini(&error);
        return false;
    }
    bool done = find_and_read(archive, path, file.length, name, array, status);
    zip_discard(archive);
    if (!done) {
        free(array->owned);
        *array = cvy_ndarray_of(path);
    }
    return done;
}
