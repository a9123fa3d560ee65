/* libzip finds the member and reads its compressed bytes. libdeflate inflates them: it is three times as fast as zlib,
 * which libzip would use, and detects a wrong size or checksum. */
#include "archive.h"

#include "file.h"
#include "memory.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

struct cvy_zip {
    zip_t *archive;
    const char *path;
    size_t length; /* of the file */
};

cvy_zip *cvy_zip_open(const char *path, cvy_status *status) {
    cvy_file file; /* for its length, and better messages than libzip's about directories and permissions */
    if (!cvy_file_open(path, &file, status))
        return NULL;
    cvy_file_close(&file);
    cvy_zip *archive = cvy_allocate(1, sizeof *archive, path, status);
    if (!archive)
        return NULL;
    int code;
    *archive = (cvy_zip){zip_open(path, ZIP_RDONLY, &code), path, file.length};
    if (archive->archive)
        return archive;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    cvy_fail(status, CVY_FAILED, path, "cannot open as a zip archive: %s", zip_error_strerror(&error));
    zip_error_fini(&error);
    free(archive);
    return NULL;
}

void cvy_zip_close(cvy_zip *archive) {
    if (!archive)
        return;
    zip_discard(archive->archive);
    free(archive);
}

size_t cvy_zip_count(const cvy_zip *archive, const char *end) {
    size_t count = 0, length = strlen(end);
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive->archive, 0); i++) {
        const char *name = zip_get_name(archive->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        size_t bytes = name ? strlen(name) : 0;
        count += bytes >= length && !strcmp(name + bytes - length, end);
    }
    return count;
}

const char *cvy_zip_name(const cvy_zip *archive, size_t i) {
    return zip_get_name(archive->archive, i, ZIP_FL_ENC_RAW);
}

/* The number of members of that name; *index is the last one's. */
static size_t find(const cvy_zip *archive, const char *wanted, zip_uint64_t *index) {
    size_t count = 0;
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive->archive, 0); i++) {
        const char *name = zip_get_name(archive->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!name || strcmp(name, wanted) != 0)
            continue;
        *index = (zip_uint64_t)i;
        count++;
    }
    return count;
}

bool cvy_zip_has(const cvy_zip *archive, const char *name) {
    zip_uint64_t index;
    return find(archive, name, &index) > 0;
}

/* Checks the sizes and methods that the archive states for a member, before memory is allocated for it. `archive` is
 * the length of the file. */
static bool check_entry(const char *where, const zip_stat_t *entry, size_t archive, size_t most, cvy_status *status) {
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
    return entry->size <= most ||
           cvy_fail(status, CVY_FAILED, where, "%" PRIu64 " bytes, expected at most %zu", entry->size, most);
}

static uint8_t *read_compressed(zip_t *archive, const char *where, const zip_stat_t *entry, cvy_status *status) {
    uint8_t *bytes = cvy_allocate_unset((size_t)entry->comp_size + 1, where, status);
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
    uint8_t *bytes = cvy_allocate_unset((size_t)entry->size + 1, where, status);
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

/* Finds the member of that name and checks what the archive states for it. */
static bool locate(const cvy_zip *archive, const char *name, const char *where, size_t most, zip_stat_t *entry,
                   cvy_status *status) {
    zip_uint64_t index = 0;
    size_t count = find(archive, name, &index);
    if (!cvy_ok(status))
        return false;
    if (count != 1)
        return cvy_fail(status, CVY_FAILED, archive->path,
                        count ? "has %zu members %s, expected one" : "has %zu members %s", count, name);
    if (zip_stat_index(archive->archive, index, 0, entry) < 0)
        return cvy_fail(status, CVY_FAILED, where, "%s", zip_strerror(archive->archive));
    return check_entry(where, entry, archive->length, most, status);
}

void *cvy_zip_read(cvy_zip *archive, const char *name, size_t most, size_t *length, cvy_status *status) {
    char where[sizeof status->where];
    snprintf(where, sizeof where, "%s: %s", archive->path, name);
    zip_stat_t entry;
    if (!locate(archive, name, where, most, &entry, status))
        return NULL;
    uint8_t *bytes = read_compressed(archive->archive, where, &entry, status);
    if (bytes && entry.comp_method == ZIP_CM_DEFLATE) {
        uint8_t *compressed = bytes;
        bytes = inflate(where, compressed, &entry, status);
        free(compressed);
    }
    if (bytes && libdeflate_crc32(0, bytes, (size_t)entry.size) != entry.crc) {
        cvy_fail(status, CVY_FAILED, where, "its checksum is wrong");
        free(bytes);
        return NULL;
    }
    if (bytes)
        bytes[ *length = (size_t)entry.size] = 0;
    return bytes;
}

size_t cvy_zip_read_head(cvy_zip *archive, const char *name, void *head, size_t most, size_t *length,
                         cvy_status *status) {
    char where[sizeof status->where];
    snprintf(where, sizeof where, "%s: %s", archive->path, name);
    zip_stat_t entry;
    if (!locate(archive, name, where, SIZE_MAX, &entry, status))
        return 0;
    zip_file_t *member = zip_fopen_index(archive->archive, entry.index, 0);
    size_t done = 0;
    for (zip_int64_t got = 1; member && got > 0 && done<most; done += got> 0 ? (size_t)got : 0)
        got = zip_fread(member, (char *)head + done, most - done);
    if (member)
        zip_fclose(member);
    *length = (size_t)entry.size;
    return done;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

/* Members keep the order, are not compressed, and have the first day that the format knows. */
static bool add_members(zip_t *archive, const cvy_zip_member *members, size_t count) {
    for (size_t i = 0; i < count; i++) {
        zip_source_t *source = zip_source_buffer(archive, members[i].bytes, members[i].count, 0);
        zip_int64_t index = source ? zip_file_add(archive, members[i].name, source, 0) : -1;
        if (index < 0) {
            zip_source_free(source);
            return false;
        }
        if (zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) < 0 ||
            zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 1 << 5 | 1, 0) < 0)
            return false;
    }
    return true;
}

/* Makes the archive in the source's memory. */
static bool make(zip_source_t *source, const cvy_zip_member *members, size_t count) {
    zip_t *archive = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    if (!archive)
        return false;
    zip_source_keep(source); /* zip_close() takes the archive's */
    if (add_members(archive, members, count) && zip_close(archive) == 0)
        return true;
    zip_discard(archive);
    return false;
}

void *cvy_zip_write(const char *origin, const cvy_zip_member *members, size_t count, size_t *length,
                    cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    zip_stat_t made;
    uint8_t *bytes = NULL;
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    if (source && make(source, members, count) && zip_source_open(source) == 0) {
        if (zip_source_stat(source, &made) == 0 && (bytes = cvy_allocate_unset(made.size, origin, status)) &&
            zip_source_read(source, bytes, made.size) == (zip_int64_t)made.size) {
            *length = made.size;
        } else {
            free(bytes);
            bytes = NULL;
        }
        zip_source_close(source);
    }
    zip_source_free(source);
    if (!bytes)
        cvy_fail(status, CVY_FAILED, origin, "libzip cannot make the archive: no memory is left");
    return bytes;
}
