/* The format: two zero bytes, the element type, the rank, then the dimensions as big-endian 32-bit integers and the
 * elements in C order. LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "The IDX file
 * format". */
#include "idx.h"

#include "../base/archive.h"
#include "../base/file.h"
#include "../base/memory.h"
#include "gzip.h"
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>

enum { TYPE_UNSIGNED_BYTE = 0x08, HEADER_MAX = 4 + 4 * CVY_NDARRAY_RANK_MAX };

/* ---- A file ----------------------------------------------------------------------------------------------------- */

static size_t header_length(const cvy_ndarray *array) {
    return 4 + 4 * (size_t)array->rank;
}

static uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Checks magic number, element type and rank, and reads the shape. `count` is HEADER_MAX, or less if the file is
 * shorter. */
static bool parse_header(const uint8_t *header, size_t count, cvy_ndarray *array, size_t *bytes, cvy_status *status) {
    const char *path = array->where;
    if (count < 4)
        return cvy_fail(status, CVY_FAILED, path, "%zu bytes, too short for an IDX file", count);
    if (header[0] || header[1])
        return cvy_fail(status, CVY_FAILED, path,
                        "not an IDX file: begins with 0x%08x, expected 0x00000803 (images) or 0x00000801 (labels)",
                        big_endian(header));
    if (header[2] != TYPE_UNSIGNED_BYTE)
        return cvy_fail(status, CVY_FAILED, path, "IDX element type 0x%02x, expected 0x08 (unsigned bytes)", header[2]);
    if (header[3] < 1 || header[3] > CVY_NDARRAY_RANK_MAX)
        return cvy_fail(status, CVY_FAILED, path, "IDX array of %d dimensions, expected 1 to %d", header[3],
                        CVY_NDARRAY_RANK_MAX);
    array->rank = header[3];
    if (count < header_length(array))
        return cvy_fail(status, CVY_FAILED, path, "%zu bytes, too short for the header of an IDX file", count);
    for (int i = 0; i < array->rank; i++)
        array->shape[i] = big_endian(header + 4 + 4 * i);
    return cvy_ndarray_bytes(array, bytes, status);
}

/* Reads the elements into a buffer. Mapping the file would save 3 ms for MNIST's 47 MB (1.6 ms to map and populate, 4.6
 * ms to read). But if another process cuts or rewrites a mapped file, an epoch ends in SIGBUS or sees other images. */
static bool read_plain(const cvy_file *file, const uint8_t *header, size_t count, cvy_ndarray *array,
                       cvy_status *status) {
    size_t bytes;
    if (!parse_header(header, count, array, &bytes, status))
        return false;
    size_t found = file->length - header_length(array);
    char text[CVY_SHAPE_TEXT_MAX];
    if (found != bytes)
        return cvy_fail(status, CVY_FAILED, file->path, "%zu bytes %s: shape %s needs %zu after the header, found %zu",
                        found < bytes ? bytes - found : found - bytes, found < bytes ? "missing" : "too many",
                        cvy_ndarray_shape_text(array, text), bytes, found);
    array->owned = array->data = cvy_allocate_unset(bytes, file->path, status);
    return array->owned && cvy_file_read(file, header_length(array), array->data, bytes, status);
}

/* The header says how much memory to take: no more than that is inflated. */
static bool inflate(const char *path, const uint8_t *compressed, size_t count, cvy_ndarray *array, cvy_status *status) {
    uint8_t header[HEADER_MAX];
    size_t bytes, head = cvy_gunzip_head(compressed, count, header, sizeof header);
    if (!parse_header(header, head, array, &bytes, status))
        return false;
    if (bytes / CVY_DEFLATE_EXPANSION_MAX > count)
        return cvy_fail(status, CVY_FAILED, path, "its header promises %zu bytes, not possible in a gzip file of %zu",
                        bytes, count);
    array->owned = cvy_allocate_unset(header_length(array) + bytes, path, status);
    array->data = (uint8_t *)array->owned + header_length(array);
    return array->owned && cvy_gunzip(path, compressed, count, array->owned, header_length(array) + bytes, status);
}

static bool read_gzip(const cvy_file *file, cvy_ndarray *array, cvy_status *status) {
    uint8_t *compressed = cvy_allocate_unset(file->length, file->path, status);
    bool done = compressed && cvy_file_read(file, 0, compressed, file->length, status) &&
                inflate(file->path, compressed, file->length, array, status);
    free(compressed);
    return done;
}

bool cvy_idx_read(const char *path, cvy_ndarray *array, cvy_status *status) {
    *array = cvy_ndarray_of(path);
    cvy_file file;
    if (!cvy_file_open(path, &file, status))
        return false;
    uint8_t header[HEADER_MAX] = {0};
    size_t count = file.length < sizeof header ? file.length : sizeof header;
    bool done = cvy_file_read(&file, 0, header, count, status) &&
                (cvy_is_gzip(header, count) ? read_gzip(&file, array, status)
                                            : read_plain(&file, header, count, array, status));
    cvy_file_close(&file);
    if (!done) {
        free(array->owned);
        *array = cvy_ndarray_of(path);
    }
    return done;
}

/* ---- The files of a split --------------------------------------------------------------------------------------- */

/* Finds the file of "images" (rank 3) or "labels" (rank 1). False if there is none; path is then the usual name. */
static bool find(const char *directory, const char *prefix, const char *kind, int rank, char path[static PATH_MAX]) {
    static const char *const variant[] = {"%s-%s-idx%d-ubyte", "%s-%s.idx%d-ubyte", "%s-%s-idx%d-ubyte.gz",
                                          "%s-%s.idx%d-ubyte.gz"};
    const int variants = sizeof variant / sizeof *variant;
    char file[64];
    /* Files come before directories of the same names: some copies of MNIST hold each file in a directory of its name,
     * and a second copy beside it. */
    for (int directories = 0; directories < 2; directories++)
        for (int i = 0; i < variants; i++) {
            snprintf(file, sizeof file, variant[i], prefix, kind, rank);
            cvy_path_join(path, directory, file);
            if (cvy_path_exists(path) && cvy_path_is_directory(path) == directories)
                return true;
        }
    snprintf(file, sizeof file, variant[0], prefix, kind, rank);
    cvy_path_join(path, directory, file);
    return false;
}

bool cvy_idx_has_images(const char *directory, const char *prefix) {
    char path[PATH_MAX];
    return find(directory, prefix, "images", 3, path);
}

bool cvy_idx_read_pair(const char *directory, const char *prefix, cvy_ndarray *images, cvy_ndarray *labels,
                       cvy_status *status) {
    char images_path[PATH_MAX], labels_path[PATH_MAX];
    bool has_images = find(directory, prefix, "images", 3, images_path);
    bool has_labels = find(directory, prefix, "labels", 1, labels_path);
    return cvy_path_both(has_images, images_path, has_labels, labels_path, status) &&
           cvy_idx_read(labels_path, labels, status) && cvy_idx_read(images_path, images, status);
}
