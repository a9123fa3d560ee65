#include "samples.h"

#include "../../src/data/npy.h"
#include "../../src/data/npz.h"

static const char images_header[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), }";

static void expect_content(const char *path, const char *name, int rank, const size_t *shape) {
    cvy_status status = {0};
    cvy_ndarray array;
    cvy_npz_read(path, name, &array, &status);
    expect_ok(&status);
    assert_int_equal(array.rank, rank);
    size_t elements = 1;
    for (int i = 0; i < rank; i++) {
        assert_int_equal(array.shape[i], shape[i]);
        elements *= shape[i];
    }
    for (size_t i = 0; i < elements; i++)
        assert_int_equal(((uint8_t *)array.data)[i], i * 37 % 251);
    free(array.owned);
}

/* An archive whose only member x.npy holds `content`. */
static const char *archive_of(const sample *content, zip_int32_t method) {
    const char *path = path_of("sample.npz");
    unlink(path);
    add_member(path, "x.npy", content, method);
    return path;
}

static void expect_failure_at(const char *path, const char *what) {
    cvy_status status = {0};
    cvy_ndarray array;
    assert_false(cvy_npz_read(path, "x", &array, &status));
    expect_error(&status, CVY_FAILED, path, what);
    assert_null(array.owned);
}

static void expect_failure(const char *dictionary, size_t elements, const char *what) {
    sample s = make_npy(1, dictionary, elements);
    expect_failure_at(archive_of(&s, ZIP_CM_DEFLATE), what);
}

TEST(reads_stored_and_deflated) {
    const char *path = path_of("both.npz");
    sample images = make_npy(1, images_header, 90);
    sample labels = make_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (300,), }", 300);
    add_member(path, "x_train.npy", &images, ZIP_CM_DEFLATE);
    add_member(path, "y_train.npy", &labels, ZIP_CM_STORE);
    expect_content(path, "x_train", 3, (size_t[]){3, 6, 5});
    expect_content(path, "y_train", 1, (size_t[]){300});
}

TEST(reads_header_versions_1_to_3) {
    for (int version = 1; version <= 3; version++) {
        sample s = make_npy(version, images_header, 90);
        expect_content(archive_of(&s, ZIP_CM_STORE), "x", 3, (size_t[]){3, 6, 5});
    }
}

TEST(reads_other_spellings) {
    static const char *const spelling[] = {
        "{\"shape\": (3,6,5), \"descr\": \"|u1\", \"fortran_order\": False}",
        "{ 'fortran_order' :False,'shape' : ( 3 , 6 , 5 , ) , 'descr':'|u1' , } ",
    };
    for (size_t i = 0; i < COUNT(spelling); i++) {
        sample s = make_npy(1, spelling[i], 90);
        expect_content(archive_of(&s, ZIP_CM_DEFLATE), "x", 3, (size_t[]){3, 6, 5});
    }
}

TEST(wrong_arrays) {
    expect_failure("{'descr': '<f2', 'fortran_order': False, 'shape': (3, 6, 5), }", 180,
                   "elements are '<f2', expected uint8, float32 or float64, or for labels any integer type; NumPy's "
                   "x.astype(\"float32\") converts");
    expect_failure("{'descr': '|O', 'fortran_order': False, 'shape': (3, 6, 5), }", 720, "elements are '|O', expected");
    expect_failure("{'descr': '>f4', 'fortran_order': False, 'shape': (3, 6, 5), }", 360,
                   "elements are '>f4', big-endian, expected little-endian; NumPy's x.astype(\"<f4\") converts");
    expect_failure("{'descr': '|u1', 'fortran_order': True, 'shape': (3, 6, 5), }", 90,
                   "Fortran order, expected C order; NumPy's ascontiguousarray(x) converts");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", 1,
                   "array of 0 dimensions, expected 1 to 4");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5, 1, 1), }", 90, "over 4 dimensions");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 6, 5), }", 0, "has no elements");
    expect_failure(images_header, 89, "shape 3 x 6 x 5 of uint8 needs 90 bytes after the header, found 89");
    expect_failure(images_header, 91, "needs 90 bytes after the header, found 91");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296, 1), }", 0, "overflows");
    /* 2^61 elements of 8 bytes wrap around to 0. */
    expect_failure("{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952, 1, 1), }", 0, "overflows");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (600000000, 28, 28), }", 90,
                   "needs 470400000000 bytes");
    expect_failure("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 6, 5), }", 90,
                   "shape 3 x 6 x 5 of float64 needs 720 bytes");
}

TEST(reads_each_element_type) {
    for (int element = 0; element < CVY_ELEMENTS; element++) {
        char dictionary[128];
        size_t size = cvy_element_types[element].size;
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (3, 7), }",
                 cvy_element_types[element].descr);
        sample s = make_npy(1, dictionary, 21 * size);
        cvy_status status = {0};
        cvy_ndarray array;
        cvy_npz_read(archive_of(&s, ZIP_CM_DEFLATE), "x", &array, &status);
        expect_ok(&status);
        assert_int_equal(array.element, element);
        assert_memory_equal(array.data, s.bytes + s.count - 21 * size, 21 * size);
        free(array.owned);
        cvy_npy_read(write_file("sample.npy", s.bytes, s.count), &array, &status);
        expect_ok(&status);
        assert_int_equal(array.element, element);
        assert_memory_equal(array.data, s.bytes + s.count - 21 * size, 21 * size);
        free(array.owned);
    }
}

TEST(wrong_dictionaries) {
    static const char *const wrong[] = {
        "",
        "{",
        "{}",
        "}",
        "('descr', '|u1')",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), ",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5 }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3 6 5), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, -6, 5), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 18446744073709551616), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3,, 6, 5), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': [3, 6, 5], }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (90), }",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (3, 6, 5), }",
        "{'descr': '|u1' 'fortran_order': False, 'shape': (3, 6, 5), }",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (3, 6, 5), }",
        "{'descr': '|u1, 'fortran_order': False, 'shape': (3, 6, 5), }",
        "{'descr': '\\x7cu1', 'fortran_order': False, 'shape': (3, 6, 5), }",
        "{'descr': '|u1', 'shape': (3, 6, 5), }",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), 'extra': 1, }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), } x",
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        expect_failure(wrong[i], 90, "cannot read the .npy header");
}

TEST(wrong_npy) {
    const char *whole = "not a whole .npy file of format version 1 to 3";
    sample good = make_npy(2, images_header, 90), s = good;
    s.bytes[0] = 'x';
    expect_failure_at(archive_of(&s, ZIP_CM_STORE), whole);
    s = good;
    s.bytes[6] = 4;
    expect_failure_at(archive_of(&s, ZIP_CM_STORE), whole);
    s = good;
    s.bytes[11] = 0xff; /* a header of 4 GB */
    expect_failure_at(archive_of(&s, ZIP_CM_STORE), whole);
    cvy_status status = {0};
    cvy_ndarray array;
    for (s = good; s.count > 0;) {
        s.count--;
        status = (cvy_status){0};
        assert_false(cvy_npy_read(write_file("cut.npy", s.bytes, s.count), &array, &status));
        expect_error(&status, CVY_FAILED, "cut.npy", s.count < good.count - 90 ? whole : "needs 90 bytes");
        assert_null(array.owned);
    }
    for (s = good; s.count > 0; s.count--)
        if (s.count < 128)
            expect_failure_at(archive_of(&s, ZIP_CM_STORE), whole);
    expect_failure_at(archive_of(&s, ZIP_CM_STORE), whole);
}

/* Changes the bytes of an archive of one deflated member, given as offsets from the start of its local header or of its
 * entry in the central directory, which both say method, checksum and sizes. */
static void expect_failure_changed(size_t local, size_t central, uint8_t flip, const char *what) {
    sample s = make_npy(1, images_header, 90);
    size_t count;
    uint8_t *bytes = read_whole(archive_of(&s, ZIP_CM_DEFLATE), &count);
    uint8_t *entry = memmem(bytes, count, "PK\1\2", 4);
    assert_non_null(entry);
    bytes[local] ^= flip;
    entry[central] ^= flip;
    expect_failure_at(write_file("changed.npz", bytes, count), what);
    free(bytes);
}

TEST(wrong_members) {
    expect_failure_changed(14, 16, 1, "its checksum is wrong");
    expect_failure_changed(22, 24, 1, "needs 90 bytes after the header, found 91");
    expect_failure_changed(25, 27, 0x40, "compressed, are not possible");
    expect_failure_changed(8, 10, 4, "compression method 12, expected stored or deflated");
    expect_failure_changed(8, 10, 8, "compressed, are not possible"); /* "stored", but the sizes differ */
    expect_failure_changed(6, 8, 1, "encrypted");
}

/* 64 MB of zeros deflate to 64 KB. They are not inflated, since the header in front of them promises 90 bytes. */
TEST(bomb) {
    enum { BYTES = 64 << 20 };
    sample s = make_npy(1, images_header, 90);
    uint8_t *bytes = calloc(1, BYTES);
    assert_non_null(bytes);
    memcpy(bytes, s.bytes, s.count);
    const char *path = path_of("bomb.npz");
    zip_t *archive = zip_open(path, ZIP_CREATE, NULL);
    assert_true(zip_file_add(archive, "x.npy", zip_source_buffer(archive, bytes, BYTES, 1), 0) >= 0);
    assert_int_equal(zip_close(archive), 0);
    struct rlimit before = limit_memory(BYTES / 2);
    expect_failure_at(path, "needs 90 bytes after the header, found 67108736");
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}

TEST(corrupt_member) {
    sample s = make_npy(1, images_header, 90);
    size_t count;
    uint8_t *bytes = read_whole(archive_of(&s, ZIP_CM_DEFLATE), &count);
    uint8_t *entry = memmem(bytes, count, "PK\1\2", 4);
    assert_non_null(entry);
    entry[-1] ^= 0x55; /* the end of the deflated bytes */
    expect_failure_at(write_file("corrupt.npz", bytes, count), "compressed data is corrupt, or not 218 bytes long");
    free(bytes);
}

TEST(wrong_archives) {
    sample s = make_npy(1, images_header, 90);
    size_t count;
    const char *path = archive_of(&s, ZIP_CM_DEFLATE);
    cvy_status status = {0};
    cvy_ndarray array;
    assert_false(cvy_npz_read(path, "x_train", &array, &status));
    expect_error(&status, CVY_FAILED, path, "has no array x_train; it holds x.npy");
    uint8_t *bytes = read_whole(path, &count);
    for (size_t length = 0; length < count; length++)
        expect_failure_at(write_file("cut.npz", bytes, length), "");
    free(bytes);
    expect_failure_at(write_file("text.npz", "no archive", 10), "is no .npz: begins with 0x");
    expect_failure_at(directory, "is a directory, expected a file");
    expect_failure_at(path_of("nothing.npz"), "cannot open: No such file or directory");
}

TEST(does_nothing_after_an_error) {
    sample s = make_npy(1, images_header, 90);
    cvy_status status = {0};
    cvy_ndarray array;
    cvy_fail(&status, CVY_DIVERGED, "before", "this");
    assert_false(cvy_npz_read(archive_of(&s, ZIP_CM_STORE), "x", &array, &status));
    expect_error(&status, CVY_DIVERGED, "before", "this");
    assert_null(array.owned);
}

RUN_TESTS("npz", make_directory, remove_directory)
