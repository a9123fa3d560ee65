#include "samples.h"

#include "../../src/data/idx.h"

static void expect_failure(const sample *s, const char *what) {
    cvy_status status = {0};
    cvy_ndarray array;
    const char *path = write_file("sample", s->bytes, s->count);
    assert_false(cvy_idx_read(path, &array, &status));
    expect_error(&status, CVY_FAILED, path, what);
    assert_null(array.owned);
    assert_null(array.data);
}

static void expect_content(const char *path, const sample *plain, int rank) {
    cvy_status status = {0};
    cvy_ndarray array;
    assert_true(cvy_idx_read(path, &array, &status));
    expect_ok(&status);
    assert_int_equal(array.rank, rank);
    size_t elements = 1;
    for (int i = 0; i < rank; i++) {
        assert_int_equal(array.shape[i], plain->bytes[7 + 4 * i] | plain->bytes[6 + 4 * i] << 8);
        elements *= array.shape[i];
    }
    assert_memory_equal(array.data, plain->bytes + 4 + 4 * rank, elements);
    free(array.owned);
}

TEST(reads_ranks_1_to_4) {
    const uint32_t shape[4] = {7, 300, 1, 2};
    size_t elements = 1;
    for (uint8_t rank = 1; rank <= 4; rank++) {
        elements *= shape[rank - 1];
        sample s = make_idx(8, rank, shape, elements);
        expect_content(write_file("plain", s.bytes, s.count), &s, rank);
        sample z = gzip(&s);
        expect_content(write_file("zipped.gz", z.bytes, z.count), &s, rank);
    }
}

/* Browsers inflate on the way and keep the name; a copy may lose its suffix. */
TEST(content_decides_not_the_name) {
    sample s = make_images(3), z = gzip(&s);
    expect_content(write_file("plain.gz", s.bytes, s.count), &s, 3);
    expect_content(write_file("zipped", z.bytes, z.count), &s, 3);
}

TEST(reads_many_gzip_members) {
    sample s = make_images(9), z = {.count = 0};
    append_gzip(&z, s.bytes, 3);
    append_gzip(&z, s.bytes + 3, 0);
    append_gzip(&z, s.bytes + 3, 200);
    append_gzip(&z, s.bytes + 203, s.count - 203);
    expect_content(write_file("members.gz", z.bytes, z.count), &s, 3);
}

/* Large enough for the buffer to be asked for in huge pages. */
TEST(reads_a_large_file) {
    sample s = make_idx(8, 3, (uint32_t[]){3000, 40, 25}, 0);
    const char *path = write_file("large", s.bytes, s.count);
    assert_int_equal(truncate(path, 16 + 3000000 - 1), 0);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(fputc(7, file), 7);
    assert_int_equal(fclose(file), 0);
    cvy_status status = {0};
    cvy_ndarray array;
    cvy_idx_read(path, &array, &status);
    expect_ok(&status);
    for (size_t i = 0; i < 2999999; i++)
        assert_int_equal(((uint8_t *)array.data)[i], 0);
    assert_int_equal(((uint8_t *)array.data)[2999999], 7);
    free(array.owned);
}

TEST(wrong_magic) {
    sample s = make_images(3);
    s.bytes[1] = 1;
    expect_failure(&s, "not an IDX file: begins with 0x00010803, expected 0x00000803 (images) or 0x00000801 (labels)");
    memcpy(s.bytes, "\x89PNG", 4);
    expect_failure(&s, "begins with 0x89504e47");
}

TEST(wrong_type) {
    sample s = make_images(3);
    s.bytes[2] = 0x0d;
    expect_failure(&s, "element type 0x0d, expected 0x08");
}

TEST(wrong_rank) {
    sample s = make_labels(3);
    s.bytes[3] = 255;
    expect_failure(&s, "array of 255 dimensions, expected 1 to 4");
    s.bytes[3] = 0;
    expect_failure(&s, "array of 0 dimensions");
}

TEST(wrong_length) {
    sample s = make_images(3);
    s.count--;
    expect_failure(&s, "1 bytes missing: shape 3 x 6 x 5 needs 90 after the header, found 89");
    s.count += 2;
    expect_failure(&s, "1 bytes too many: shape 3 x 6 x 5 needs 90 after the header, found 91");
    s.count = 15;
    expect_failure(&s, "15 bytes, too short for the header");
    for (s.count = 0; s.count < 106; s.count++)
        expect_failure(&s, s.count < 16 ? "too short" : "bytes missing");
    s.count = 3;
    expect_failure(&s, "3 bytes, too short");
    s.count = 0;
    expect_failure(&s, "0 bytes, too short");
}

TEST(wrong_dimensions) {
    sample s = make_idx(8, 3, (uint32_t[]){0, 6, 5}, 0);
    expect_failure(&s, "has no elements: its shape is 0 x 6 x 5");
    s = make_idx(8, 3, (uint32_t[]){3, 6, 0}, 0);
    expect_failure(&s, "has no elements: its shape is 3 x 6 x 0");
    s = make_idx(8, 3, (uint32_t[]){UINT32_MAX, UINT32_MAX, UINT32_MAX}, 90);
    expect_failure(&s, "4294967295 x 4294967295 x 4294967295 overflows");
    /* 2^64 elements, which wrap around to 0. */
    s = make_idx(8, 4, (uint32_t[]){1u << 31, 1u << 31, 4, 1}, 0);
    expect_failure(&s, "overflows");
    /* Terabytes are promised; nothing may be allocated for them. */
    s = make_idx(8, 3, (uint32_t[]){60000, 28000, 2800}, 90);
    expect_failure(&s, "4703999999910 bytes missing");
}

TEST(wrong_gzip) {
    sample plain = make_images(9), good = gzip(&plain), s;
    const char *corrupt = "truncated";
    for (size_t count = 2; count < good.count; count++) {
        s = good;
        s.count = count;
        expect_failure(&s, count > 60 ? corrupt : ""); /* the header of a shorter one is not whole */
    }
    for (size_t at = good.count - 8; at < good.count; at++) { /* the checksum, then the size */
        s = good;
        s.bytes[at] ^= 0x80;
        expect_failure(&s, corrupt);
    }
    s = good;
    s.bytes[s.count++] = 0;
    expect_failure(&s, "1 bytes follow the end of the gzip stream");
    s = good;
    append_gzip(&s, (const uint8_t *)"x", 1);
    expect_failure(&s, "is truncated, or inflates to more than the 286 bytes that its header promises");
    plain.count--;
    s = gzip(&plain);
    expect_failure(&s, "inflates to 285 bytes, but its header promises 286");
    plain.count = 0;
    s = gzip(&plain);
    expect_failure(&s, "0 bytes, too short");
}

/* A gzip file of zeros behind a small header, and one whose header promises more than deflate can make. */
TEST(bomb) {
    enum { BYTES = 64 << 20 };
    sample s = make_idx(8, 3, (uint32_t[]){3, 6, 5}, 90), z = {.count = 0};
    uint8_t *bytes = calloc(1, BYTES), *zipped = malloc(BYTES);
    assert_true(bytes && zipped);
    memcpy(bytes, s.bytes, s.count);
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    size_t made = libdeflate_gzip_compress(compressor, bytes, BYTES, zipped, BYTES);
    libdeflate_free_compressor(compressor);
    const char *path = write_file("bomb.gz", zipped, made);
    free(bytes);
    free(zipped);
    cvy_status status = {0};
    cvy_ndarray array;
    struct rlimit before = limit_memory(BYTES / 2);
    assert_false(cvy_idx_read(path, &array, &status));
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    expect_error(&status, CVY_FAILED, path,
                 "is truncated, or inflates to more than the 106 bytes that its header promises");
    s = make_idx(8, 3, (uint32_t[]){60000, 28, 28}, 90);
    z = gzip(&s);
    expect_failure(&z, "its header promises 47040000 bytes, not possible in a gzip file of");
}

TEST(not_a_file) {
    cvy_status status = {0};
    cvy_ndarray array;
    assert_false(cvy_idx_read(directory, &array, &status));
    expect_error(&status, CVY_FAILED, directory, "is a directory, expected a file");
    const char *path = path_of("nothing");
    status = (cvy_status){0};
    assert_false(cvy_idx_read(path, &array, &status));
    expect_error(&status, CVY_FAILED, path, "cannot open: No such file or directory");
    assert_int_equal(mkfifo(path, 0600), 0); /* with nobody at its other end: must not wait */
    status = (cvy_status){0};
    assert_false(cvy_idx_read(path, &array, &status));
    expect_error(&status, CVY_FAILED, path, "is a pipe or device");
    unlink(path);
}

TEST(unreadable_file) {
    cvy_status status = {0};
    cvy_ndarray array;
    const char *path = path_of("loop");
    assert_int_equal(symlink("loop", path), 0);
    assert_false(cvy_idx_read(path, &array, &status));
    expect_error(&status, CVY_FAILED, path, "cannot open: Too many levels of symbolic links");
    if (geteuid() == 0) /* who may read everything */
        return;
    sample s = make_images(3);
    path = write_file("private", s.bytes, s.count);
    assert_int_equal(chmod(path, 0), 0);
    status = (cvy_status){0};
    assert_false(cvy_idx_read(path, &array, &status));
    expect_error(&status, CVY_FAILED, path, "cannot open: Permission denied");
}

TEST(does_nothing_after_an_error) {
    sample s = make_images(3);
    cvy_status status = {0};
    cvy_ndarray array;
    cvy_fail(&status, CVY_DIVERGED, "before", "this");
    assert_false(cvy_idx_read(write_file("good", s.bytes, s.count), &array, &status));
    expect_error(&status, CVY_DIVERGED, "before", "this");
    assert_null(array.owned);
}

RUN_TESTS("idx", make_directory, remove_directory)
