/* Small files in the formats of data sets, made in memory. */
#ifndef TESTS_SAMPLES_H
#define TESTS_SAMPLES_H

#include "files.h"

#include <libdeflate.h>
#include <zip.h>

typedef struct sample {
    uint8_t bytes[8192];
    size_t count;
} sample;

/* Writes a file to a directory below the test's own. */
static inline void put(const char *below, const char *name, const sample *s) {
    char path[512];
    make_path(below);
    snprintf(path, sizeof path, "%s/%s", below, name);
    write_file(path, s->bytes, s->count);
}

/* An IDX header of any type and rank, and the elements i * 37 % 251. */
static inline sample make_idx(uint8_t type, uint8_t rank, const uint32_t *shape, size_t elements) {
    sample s = {.bytes = {0, 0, type, rank}, .count = 4};
    for (int i = 0; i < rank; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            s.bytes[s.count++] = (uint8_t)(shape[i] >> shift);
    assert_true(s.count + elements <= sizeof s.bytes);
    for (size_t i = 0; i < elements; i++)
        s.bytes[s.count++] = (uint8_t)(i * 37 % 251);
    return s;
}

static inline sample make_images(uint32_t count) {
    return make_idx(8, 3, (uint32_t[]){count, 6, 5}, (size_t)count * 30);
}

/* Labels 0 to 9 in turn. */
static inline sample make_labels(uint32_t count) {
    sample s = make_idx(8, 1, (uint32_t[]){count}, count);
    for (uint32_t i = 0; i < count; i++)
        s.bytes[8 + i] = (uint8_t)(i % 10);
    return s;
}

/* One more gzip member at the end of `to`. */
static inline void append_gzip(sample *to, const uint8_t *bytes, size_t count) {
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    assert_non_null(compressor);
    size_t made =
        libdeflate_gzip_compress(compressor, bytes, count, to->bytes + to->count, sizeof to->bytes - to->count);
    assert_true(made > 0);
    to->count += made;
    libdeflate_free_compressor(compressor);
}

static inline sample gzip(const sample *plain) {
    sample s = {.count = 0};
    append_gzip(&s, plain->bytes, plain->count);
    return s;
}

/* A .npy file of format `version` with that dictionary, padded as NumPy does, and the elements i * 37 % 251. */
static inline sample make_npy(int version, const char *dictionary, size_t elements) {
    sample s = {.bytes = "\x93NUMPY", .count = 6};
    size_t prefix = version == 1 ? 10 : 12, text = strlen(dictionary);
    size_t header = (prefix + text + 1 + 63) / 64 * 64 - prefix;
    s.bytes[s.count++] = (uint8_t)version;
    s.bytes[s.count++] = 0;
    for (size_t i = 8; i < prefix; i++)
        s.bytes[s.count++] = (uint8_t)(header >> 8 * (i - 8));
    memset(s.bytes + s.count, ' ', header);
    memcpy(s.bytes + s.count, dictionary, text);
    s.count += header;
    s.bytes[s.count - 1] = '\n';
    assert_true(s.count + elements <= sizeof s.bytes);
    for (size_t i = 0; i < elements; i++)
        s.bytes[s.count++] = (uint8_t)(i * 37 % 251);
    return s;
}

/* Adds a member to a zip archive at `path`, which is made if it is not there. */
static inline void add_member(const char *path, const char *name, const sample *content, zip_int32_t method) {
    zip_t *archive = zip_open(path, ZIP_CREATE, NULL);
    assert_non_null(archive);
    zip_source_t *source = zip_source_buffer(archive, content->bytes, content->count, 0);
    zip_int64_t index = zip_file_add(archive, name, source, 0);
    assert_true(index >= 0);
    assert_int_equal(zip_set_file_compression(archive, (zip_uint64_t)index, method, 6), 0);
    assert_int_equal(zip_close(archive), 0);
}

#endif
