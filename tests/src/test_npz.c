#include "samples.h"

#include "../../src/data/npz.h"

static const char images_header[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), }";

static void expect_content(const char *path, const char *name, int rank, const size_t *shape) {
    cvy_status status = {0};
    cvy_array_u8 array;
    cvy_npz_read(path, name, rank, &array, &status);
    expect_ok(&status);
    assert_int_equal(array.rank, rank);
    size_t elements = 1;
    for (int i = 0; i < rank; i++) {
        assert_int_equal(array.shape[i], shape[i]);
        elements *= shape[i];
    }
    for (size_t i = 0; i < elements; i++)
        assert_int_equal(array.data[i], i * 37 % 251);
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
    cvy_array_u8 array;
    assert_false(cvy_npz_read(path, "x", 3, &array, &status));
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
    expect_failure("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 6, 5), }", 360,
                   "elements are '<f4', expected");
    expect_failure("{'descr': '|u1', 'fortran_order': True, 'shape': (3, 6, 5), }", 90, "Fortran order");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (90,), }", 90,
                   "array of 1 dimensions, expected 3");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", 1, "array of 0 dimensions, expected 3");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5, 1, 1), }", 90, "over 4 dimensions");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 6, 5), }", 0, "has no elements");
    expect_failure(images_header, 89, "shape 3 x 6 x 5 needs 90 bytes after the header, found 89");
    expect_failure(images_header, 91, "needs 90 bytes after the header, found 91");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296, 1), }", 0, "overflows");
    expect_failure("{'descr': '|u1', 'fortran_order': False, 'shape': (600000000, 28, 28), }", 90,
                   "needs 470400000000 bytes");
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
    expect_failure_changed(22, 24, 1, "compressed data is corrupt, or not");
    expect_failure_changed(25, 27, 0x40, "compressed, are not possible");
    expect_failure_changed(8, 10, 4, "compression method 12, expected stored or deflated");
    expect_failure_changed(8, 10, 8, "compressed, are not possible"); /* "stored", but the sizes differ */
    expect_failure_changed(6, 8, 1, "encrypted");
}

TEST(wrong_archives) {
    sample s = make_npy(1, images_header, 90);
    size_t count;
    const char *path = archive_of(&s, ZIP_CM_DEFLATE);
    cvy_status status = {0};
    cvy_array_u8 array;
    assert_false(cvy_npz_read(path, "x_train", 3, &array, &status));
    expect_error(&status, CVY_FAILED, path, "has no array x_train");
    uint8_t *bytes = read_whole(path, &count);
    for (size_t length = 0; length < count; length++)
        expect_failure_at(write_file("cut.npz", bytes, length), "");
    free(bytes);
    expect_failure_at(write_file("text.npz", "no archive", 10), "cannot open as an .npz: Not a zip archive");
    expect_failure_at(directory, "is a directory, expected a file");
    expect_failure_at(path_of("nothing.npz"), "cannot open: No such file or directory");
}

TEST(does_nothing_after_an_error) {
    sample s = make_npy(1, images_header, 90);
    cvy_status status = {0};
    cvy_array_u8 array;
    cvy_fail(&status, CVY_DIVERGED, "before", "this");
    assert_false(cvy_npz_read(archive_of(&s, ZIP_CM_STORE), "x", 3, &array, &status));
    expect_error(&status, CVY_DIVERGED, "before", "this");
    assert_null(array.owned);
}

RUN_TESTS("npz", make_directory, remove_directory)
