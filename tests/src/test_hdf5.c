/* HDF5 files as trees: there and back, and files that libhdf5 writes but no model needs. */
#include "files.h"

#include "../../src/hdf5/hdf5_file.h"

#define H5_USE_110_API
#include <hdf5.h>

enum { MOST = 1 << 20 };

/* ---- There and back --------------------------------------------------------------------------------------------- */

static cvy_node *sample_tree(void) {
    cvy_status status = {0};
    static const char *const three[] = {"one", "", "drei \xc3\xa4"};
    cvy_node *root = cvy_tree_new(&status);
    cvy_node *group = cvy_tree_group(root, "a/b", &status);
    cvy_tree_attach(root, "name", false, 1, three, &status);
    cvy_tree_attach(group, "names", true, 3, three, &status);
    cvy_tree_attach(group, "none", true, 0, NULL, &status);
    cvy_node *floats = cvy_tree_add(group, "x", CVY_NODE_FLOATS, 3, (const size_t[]){2, 1, 3}, &status);
    cvy_tree_allocate(floats, &status);
    for (int i = 0; i < 6; i++)
        floats->floats[i] = (float)i / 3;
    cvy_node *scalar = cvy_tree_add(root, "iteration", CVY_NODE_INTEGERS, 0, NULL, &status);
    cvy_tree_allocate(scalar, &status);
    *scalar->integers = -(INT64_C(1) << 40);
    cvy_node *empty = cvy_tree_add(root, "nothing", CVY_NODE_FLOATS, 2, (const size_t[]){0, 4}, &status);
    cvy_tree_allocate(empty, &status);
    expect_ok(&status);
    return root;
}

static void *sample_bytes(size_t *count) {
    cvy_status status = {0};
    cvy_node *root = sample_tree();
    void *bytes = cvy_hdf5_write("sample", root, count, &status);
    expect_ok(&status);
    cvy_tree_free(root);
    return bytes;
}

TEST(a_tree_comes_back) {
    size_t count;
    cvy_status status = {0};
    void *bytes = sample_bytes(&count);
    cvy_node *root = cvy_hdf5_read("sample", bytes, count, MOST, &status);
    expect_ok(&status);
    assert_string_equal(cvy_tree_text(root, "name"), "one");
    const cvy_node *group = cvy_tree_find(root, "a/b");
    const cvy_texts *texts = cvy_tree_texts(group, "names");
    assert_true(texts->array && texts->count == 3);
    assert_string_equal(texts->list[1], "");
    assert_string_equal(texts->list[2], "drei \xc3\xa4");
    assert_true(cvy_tree_texts(group, "none")->array && cvy_tree_texts(group, "none")->count == 0);
    assert_null(cvy_tree_text(group, "names"));
    const cvy_node *floats = cvy_tree_find(root, "a/b/x");
    assert_true(floats->kind == CVY_NODE_FLOATS && floats->rank == 3 && floats->shape[2] == 3 && floats->count == 6);
    for (int i = 0; i < 6; i++)
        assert_true(floats->floats[i] == (float)i / 3);
    assert_true(*cvy_tree_find(root, "iteration")->integers == -(INT64_C(1) << 40));
    assert_int_equal(cvy_tree_find(root, "nothing")->count, 0);
    assert_null(cvy_tree_find(root, "a/c"));
    cvy_tree_free(root);
    free(bytes);
}

TEST(arrays_may_be_left_out) {
    size_t count;
    cvy_status status = {0};
    void *bytes = sample_bytes(&count);
    cvy_node *root = cvy_hdf5_read("sample", bytes, count, 0, &status);
    expect_ok(&status);
    assert_null(cvy_tree_find(root, "a/b/x")->data);
    cvy_tree_free(root);
    assert_null(cvy_hdf5_read("sample", bytes, count, 31, &status));
    expect_error(&status, CVY_FAILED, "sample: /", "more than 31 bytes");
    free(bytes);
}

TEST(every_beginning_is_refused) {
    size_t count;
    uint8_t *bytes = sample_bytes(&count);
    for (size_t length = 0; length < count; length += 1 + length / 16) {
        cvy_status status = {0};
        assert_null(cvy_hdf5_read("sample", bytes, length, MOST, &status));
        expect_error(&status, CVY_FAILED, "sample", length < 96 ? "not a whole HDF5 file" : "cut short");
    }
    free(bytes);
}

/* A text is stored as its length, the address of a heap, and an index in it. */
TEST(texts_that_are_not_in_the_file_are_refused) {
    static const uint8_t wrong[][16] = {
        {0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 1}, /* longer than the heap's object */
        {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},             /* by a few bytes */
        {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99},            /* another index */
        {3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1},             /* no heap */
        {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 1},          /* behind the end */
    };
    size_t count;
    uint8_t *bytes = sample_bytes(&count);
    uint64_t heap = (uint64_t)((uint8_t *)memmem(bytes, count, "GCOL", 4) - bytes);
    uint8_t reference[16] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    memcpy(reference + 4, &heap, sizeof heap);
    uint8_t *at = memmem(bytes, count, reference, sizeof reference);
    assert_non_null(at);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        cvy_status status = {0};
        uint64_t address;
        memcpy(&address, wrong[i] + 4, sizeof address);
        address += heap;
        memcpy(at, wrong[i], sizeof reference);
        memcpy(at + 4, &address, sizeof address);
        assert_null(cvy_hdf5_read("sample", bytes, count, MOST, &status));
        expect_error(&status, CVY_FAILED, "sample", "attribute name: its text is not in the file");
    }
    free(bytes);
}

/* ---- Files that no model needs ---------------------------------------------------------------------------------- */

typedef void maker(hid_t file);

/* The bytes of a file that libhdf5 makes. */
static void *made_by(maker *make, H5F_libver_t version, size_t *count) {
    hid_t plist = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(plist, version, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path_of("made.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, plist);
    assert_true(file >= 0);
    make(file);
    assert_true(H5Fclose(file) >= 0);
    H5Pclose(plist);
    return read_whole(path_of("made.h5"), count);
}

static void expect_refused(maker *make, const char *object, const char *what) {
    static const H5F_libver_t versions[] = {H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST};
    for (size_t i = 0; i < COUNT(versions); i++) {
        size_t count;
        cvy_status status = {0};
        void *bytes = made_by(make, versions[i], &count);
        assert_null(cvy_hdf5_read("x.h5", bytes, count, MOST, &status));
        expect_error(&status, CVY_FAILED, "x.h5", what);
        assert_string_equal(status.where, object);
        free(bytes);
    }
}

static void add_array(hid_t file, hid_t type, hid_t plist, int rank, const hsize_t *shape) {
    hid_t space = H5Screate_simple(rank, shape, NULL);
    hid_t dataset = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
}

static void soft_link(hid_t file) {
    H5Lcreate_soft("/other", file, "x", H5P_DEFAULT, H5P_DEFAULT);
}

static void external_link(hid_t file) {
    H5Lcreate_external("/etc/passwd", "/y", file, "x", H5P_DEFAULT, H5P_DEFAULT);
}

static void link_to_itself(hid_t file) {
    hid_t group = H5Gcreate2(file, "x", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", group, "y", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
}

/* Two links to each next group: 2^20 ways to the last. */
static void many_ways(hid_t file) {
    hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (int i = 0; i < 15; i++) {
        hid_t next = H5Gcreate2(group, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_hard(next, ".", group, "b", H5P_DEFAULT, H5P_DEFAULT);
        H5Gclose(group);
        group = next;
    }
    H5Gclose(group);
}

static void deep_groups(hid_t file) {
    char path[64] = "";
    for (int i = 0; i < 20; i++) {
        strcat(path, "/g");
        H5Gclose(H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    }
}

static void named_type(hid_t file) {
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tcommit2(file, "x", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
}

static void doubles(hid_t file) {
    add_array(file, H5T_IEEE_F64LE, H5P_DEFAULT, 1, (const hsize_t[]){4});
}

static void many_dimensions(hid_t file) {
    add_array(file, H5T_IEEE_F32LE, H5P_DEFAULT, 5, (const hsize_t[]){1, 1, 1, 1, 1});
}

static void unwritten(hid_t file) {
    add_array(file, H5T_IEEE_F32LE, H5P_DEFAULT, 1, (const hsize_t[]){4});
}

static void huge(hid_t file) {
    add_array(file, H5T_IEEE_F32LE, H5P_DEFAULT, 4, (const hsize_t[]){1 << 20, 1 << 20, 1 << 10, 1});
}

static void overflowing(hid_t file) {
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plist, 3, (const hsize_t[]){1, 1, 1});
    add_array(file, H5T_IEEE_F32LE, plist, 3, (const hsize_t[]){1u << 31, 1u << 31, 4});
    H5Pclose(plist);
}

static void huge_chunks(hid_t file) {
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plist, 1, (const hsize_t[]){1 << 28});
    hid_t space = H5Screate_simple(1, (const hsize_t[]){4}, (const hsize_t[]){H5S_UNLIMITED});
    H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(plist);
}

static void other_filter(hid_t file) {
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plist, 1, (const hsize_t[]){4});
    H5Pset_scaleoffset(plist, H5Z_SO_INT, 3);
    add_array(file, H5T_STD_I32LE, plist, 1, (const hsize_t[]){4});
    H5Pclose(plist);
}

static void compact(hid_t file) {
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(plist, H5D_COMPACT);
    add_array(file, H5T_IEEE_F32LE, plist, 1, (const hsize_t[]){4});
    H5Pclose(plist);
}

static void external_data(hid_t file) {
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(plist, "/etc/passwd", 0, 16);
    add_array(file, H5T_IEEE_F32LE, plist, 1, (const hsize_t[]){4});
    H5Pclose(plist);
}

static void virtual_data(hid_t file) {
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, (const hsize_t[]){4}, NULL);
    H5Pset_virtual(plist, space, "/etc/passwd", "y", space);
    H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(plist);
}

static void texts_as_array(hid_t file) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    add_array(file, type, H5P_DEFAULT, 1, (const hsize_t[]){4});
    H5Tclose(type);
}

TEST(links_are_refused) {
    expect_refused(soft_link, "x.h5: /x", "a soft link");
    expect_refused(external_link, "x.h5: /x", "an external link");
    expect_refused(link_to_itself, "x.h5: /x/y", "a group within itself");
    size_t count;
    cvy_status status = {0};
    void *bytes = made_by(many_ways, H5F_LIBVER_EARLIEST, &count);
    assert_null(cvy_hdf5_read("x.h5", bytes, count, MOST, &status));
    expect_error(&status, CVY_FAILED, "x.h5", "");
    free(bytes);
}

TEST(deep_groups_are_refused) {
    expect_refused(deep_groups, "x.h5: /g/g/g/g/g/g/g/g/g/g/g/g/g/g/g/g", "more than 16 deep");
}

TEST(other_objects_are_refused) {
    expect_refused(named_type, "x.h5: /x", "neither a group nor an array");
    expect_refused(doubles, "x.h5: /x", "no 32-bit floats and no integers");
    expect_refused(texts_as_array, "x.h5: /x", "no 32-bit floats and no integers");
    expect_refused(many_dimensions, "x.h5: /x", "5 dimensions");
}

TEST(sizes_are_bounded) {
    expect_refused(unwritten, "x.h5: /x", "0 bytes of data, expected 16");
    expect_refused(huge, "x.h5: /x", "more than 1048576 bytes");
    expect_refused(overflowing, "x.h5: /x", "does not fit in memory");
    expect_refused(huge_chunks, "x.h5: /x", "chunks of more than 1048576 bytes");
}

TEST(other_layouts_are_refused) {
    expect_refused(other_filter, "x.h5: /x", "filter 6");
    expect_refused(compact, "x.h5: /x", "neither contiguous nor chunked");
    expect_refused(external_data, "x.h5: /x", "in another file");
    expect_refused(virtual_data, "x.h5: /x", "neither contiguous nor chunked");
}

/* The program's own use of libhdf5 finds its settings again. */
static herr_t note_error(hid_t stack, void *user) {
    (void)stack;
    ++*(int *)user;
    return 0;
}

TEST(the_programs_settings_stay) {
    int errors = 0;
    cvy_status status = {0};
    H5Eset_auto2(H5E_DEFAULT, note_error, &errors);
    assert_null(cvy_hdf5_read("x.h5", "nothing", 7, MOST, &status));
    uint8_t zeros[4096] = "\x89HDF\r\n\x1a\n";
    memset(zeros + 13, 8, 2);
    memset(zeros + 32, 0xff, 8);
    memset(zeros + 48, 0xff, 8);
    status = (cvy_status){0};
    assert_null(cvy_hdf5_read("x.h5", zeros, sizeof zeros, MOST, &status));
    expect_error(&status, CVY_FAILED, "x.h5", "damaged");
    assert_int_equal(errors, 0);
    H5Fopen("/nowhere", H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_int_equal(errors, 1);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

RUN_TESTS("HDF5", make_directory, remove_directory)
