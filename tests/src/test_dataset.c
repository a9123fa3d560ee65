#include "samples.h"

#include <float.h>
#include <math.h>

#include "../../src/convoy.h"
#include "../../src/data/dataset.h"

static const char *const train[2] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"};
static const char *const test[2] = {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

/* A split whose number of images tells it from others. */
static void put_split(const char *below, const char *const names[2], uint32_t count) {
    sample images = make_images(count), labels = make_labels(count);
    put(below, names[0], &images);
    put(below, names[1], &labels);
}

static void put_npz(const char *below, const char *name, unsigned train_count, unsigned test_count) {
    char path[PATH_MAX], dictionary[128];
    snprintf(path, sizeof path, "%s/%s", make_path(below), name);
    for (int split = 0; split < 2; split++) {
        unsigned count = split ? test_count : train_count;
        snprintf(dictionary, sizeof dictionary, "{'descr': '|u1', 'fortran_order': False, 'shape': (%u, 6, 5), }",
                 count);
        sample images = make_npy(1, dictionary, count * 30);
        snprintf(dictionary, sizeof dictionary, "{'descr': '|u1', 'fortran_order': False, 'shape': (%u,), }", count);
        sample labels = make_npy(1, dictionary, count);
        add_member(path, split ? "x_test.npy" : "x_train.npy", &images, ZIP_CM_DEFLATE);
        add_member(path, split ? "y_test.npy" : "y_train.npy", &labels, ZIP_CM_DEFLATE);
    }
}

static void remove_below(const char *below) {
    nftw(path_of(below), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void expect_count(const char *where, cvy_split split, size_t count, const char *origin) {
    cvy_status status = {0};
    cvy_dataset *dataset = cvy_dataset_load(where, split, &status);
    expect_ok(&status);
    assert_int_equal(cvy_dataset_count(dataset), count);
    assert_string_equal(cvy_dataset_origin(dataset), origin);
    cvy_dataset_free(dataset);
}

static void expect_failure(const char *where, cvy_split split, const char *error_where, const char *what) {
    cvy_status status = {0};
    assert_null(cvy_dataset_load(where, split, &status));
    expect_error(&status, CVY_FAILED, error_where, what);
}

TEST(loads_what_the_files_hold) {
    sample images = make_images(12), labels = make_labels(12);
    put("whole", train[0], &images);
    put("whole", train[1], &labels);
    put_split("whole", test, 5);
    cvy_status status = {0};
    cvy_dataset *d = cvy_dataset_load(path_of("whole"), CVY_TRAIN, &status);
    expect_ok(&status);
    assert_int_equal(d->count, 12);
    assert_int_equal(d->height, 6);
    assert_int_equal(d->width, 5);
    assert_int_equal(d->channels, 1);
    assert_int_equal(d->element, CVY_ELEMENT_U8);
    assert_true(cvy_dataset_check_labels(d, 10, &status));
    assert_memory_equal(d->images, images.bytes + 16, 12 * 30);
    assert_memory_equal(cvy_dataset_labels(d), labels.bytes + 8, 12);
    cvy_dataset_free(d);
    expect_count(path_of("whole"), CVY_TEST, 5, path_of("whole"));
}

TEST(named_directory_in_order) {
    put_npz("named", "mnist.npz", 3, 4);
    expect_count(path_of("named"), CVY_TRAIN, 3, path_of("named/mnist.npz"));
    expect_count(path_of("named"), CVY_TEST, 4, path_of("named/mnist.npz"));
    expect_count(path_of("named/mnist.npz"), CVY_TEST, 4, path_of("named/mnist.npz"));
    put_split("named/MNIST/raw", train, 5);
    expect_count(path_of("named"), CVY_TRAIN, 5, path_of("named/MNIST/raw"));
    put_split("named", train, 6);
    expect_count(path_of("named"), CVY_TRAIN, 6, path_of("named"));
    expect_count(path_of("named/"), CVY_TRAIN, 6, path_of("named/"));
}

/* Plain before .gz, a dash before a dot, and both files need not be spelt alike. */
TEST(file_names_in_order) {
    static const char *const names[] = {"train-images.idx3-ubyte.gz", "train-images-idx3-ubyte.gz",
                                        "train-images.idx3-ubyte", "train-images-idx3-ubyte"};
    sample labels = make_labels(9);
    put("spelt", "train-labels.idx1-ubyte", &labels);
    for (uint32_t i = 0; i < 4; i++) {
        sample images = make_idx(8, 3, (uint32_t[]){9, 2, i + 1}, 18 * (i + 1)), zipped = gzip(&images);
        put("spelt", names[i], i < 2 ? &zipped : &images);
        cvy_status status = {0};
        cvy_dataset *d = cvy_dataset_load(path_of("spelt"), CVY_TRAIN, &status);
        expect_ok(&status);
        assert_int_equal(d->width, i + 1);
        cvy_dataset_free(d);
    }
}

/* One copy of MNIST that is about has files in directories of the same name, and beside them. */
TEST(directory_named_like_a_file) {
    make_path("nested/train-images-idx3-ubyte");
    sample images = make_images(7), labels = make_labels(7);
    put("nested", train[1], &labels);
    expect_failure(path_of("nested"), CVY_TRAIN, train[0], "is a directory, expected a file");
    put("nested", "train-images.idx3-ubyte", &images);
    expect_count(path_of("nested"), CVY_TRAIN, 7, path_of("nested"));
}

/* The six places, from the last to the first: each that is filled wins over those before. */
TEST(default_places_in_order) {
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(make_path("here")), 0);
    setenv("HOME", path_of("home"), 1);
    setenv("XDG_CACHE_HOME", path_of("xdg"), 1);
    expect_failure(NULL, CVY_TRAIN, "training images", "tools/fetch-mnist");
    expect_failure(NULL, CVY_TEST, "test images", "tools/fetch-mnist");
    put_split("here/data/MNIST/raw", train, 1);
    expect_count(NULL, CVY_TRAIN, 1, "data/MNIST/raw");
    put_split("home/.keras/datasets/MNIST/raw", train, 2);
    expect_count(NULL, CVY_TRAIN, 2, path_of("home/.keras/datasets/MNIST/raw"));
    put_split("xdg/convoy/MNIST/raw", train, 3);
    expect_count(NULL, CVY_TRAIN, 3, path_of("xdg/convoy/MNIST/raw"));
    put_npz("home/.keras/datasets", "mnist.npz", 4, 14);
    expect_count(NULL, CVY_TRAIN, 4, path_of("home/.keras/datasets/mnist.npz"));
    put_npz("xdg/convoy", "mnist.npz", 5, 15);
    expect_count(NULL, CVY_TRAIN, 5, path_of("xdg/convoy/mnist.npz"));
    put_split("xdg/convoy", train, 6);
    expect_count(NULL, CVY_TRAIN, 6, path_of("xdg/convoy"));
    expect_count(NULL, CVY_TEST, 15, path_of("xdg/convoy/mnist.npz")); /* each split is looked for by itself */
    /* Without an absolute XDG_CACHE_HOME the cache is in the home directory. */
    put_split("home/.cache/convoy", train, 7);
    setenv("XDG_CACHE_HOME", "relative", 1);
    expect_count(NULL, CVY_TRAIN, 7, path_of("home/.cache/convoy"));
    setenv("XDG_CACHE_HOME", "", 1);
    expect_count(NULL, CVY_TRAIN, 7, path_of("home/.cache/convoy"));
    unsetenv("XDG_CACHE_HOME");
    expect_count(NULL, CVY_TRAIN, 7, path_of("home/.cache/convoy"));
    unsetenv("HOME");
    expect_count(NULL, CVY_TRAIN, 1, "data/MNIST/raw");
    remove_below("here/data");
    expect_failure(NULL, CVY_TRAIN, "training images", "Looked for IDX files and mnist.npz in data/MNIST/raw");
    assert_int_equal(chdir(before), 0);
}

TEST(error_says_what_is_there) {
    const char *empty = make_path("empty");
    expect_failure(empty, CVY_TRAIN, empty,
                   "holds no training images; it is empty. Convoy reads an .npz file with x_train");
    expect_failure(empty, CVY_TEST, empty, "holds no test images");
    expect_failure(path_of("nowhere"), CVY_TRAIN, path_of("nowhere"), "no such file or directory");
    expect_failure("", CVY_TRAIN, "", "no such file or directory");
    sample images = make_images(2);
    put("empty", "a-file", &images);
    expect_failure(path_of("empty/a-file"), CVY_TRAIN, "empty/a-file", "is no .npz: begins with 0x");
    for (int i = 1; i < 6; i++)
        put("empty", (const char *[]){"10", "9", "x", "b", ".hidden", "z"}[i - 1], &images);
    expect_failure(empty, CVY_TRAIN, empty,
                   "holds no training images, but 9, 10, a-file, b, ... (5 in all). Convoy reads");
}

TEST(long_paths) {
    char *path = malloc(3 * PATH_MAX);
    assert_non_null(path);
    for (size_t length = PATH_MAX - 20; length < 3 * PATH_MAX; length += length < PATH_MAX + 20 ? 1 : PATH_MAX) {
        memset(path, '/', length); /* the root, however many */
        path[length] = 0;
        cvy_status status = {0};
        assert_null(cvy_dataset_load(path, CVY_TRAIN, &status));
        assert_int_equal(status.code, CVY_FAILED);
    }
    free(path);
}

TEST(one_file_without_the_other) {
    sample images = make_images(3), labels = make_labels(3);
    put("only-images", train[0], &images);
    expect_failure(path_of("only-images"), CVY_TRAIN, "only-images/train-labels-idx1-ubyte", "not found, though");
    put("only-labels", test[1], &labels);
    expect_failure(path_of("only-labels"), CVY_TEST, "only-labels/t10k-images-idx3-ubyte", "not found, though");
}

TEST(counts_that_differ) {
    sample images = make_images(12), labels = make_labels(11);
    put("differ", train[0], &images);
    put("differ", train[1], &labels);
    expect_failure(path_of("differ"), CVY_TRAIN, path_of("differ"), "12 images, but 11 labels");
}

TEST(bad_files_name_themselves) {
    sample images = make_images(12), labels = make_labels(12);
    images.count--;
    put("bad", train[0], &images);
    put("bad", train[1], &labels);
    expect_failure(path_of("bad"), CVY_TRAIN, path_of("bad/train-images-idx3-ubyte"), "1 bytes missing");
    images.count++;
    put("bad", train[0], &images);
    put("bad", train[1], &images);
    expect_failure(path_of("bad"), CVY_TRAIN, path_of("bad/train-labels-idx1-ubyte"),
                   "an array of 12 x 6 x 5, expected labels");
    put("bad", train[0], &labels);
    put("bad", train[1], &labels);
    expect_failure(path_of("bad"), CVY_TRAIN, path_of("bad/train-images-idx3-ubyte"),
                   "an array of 12, expected images: N x HEIGHT x WIDTH or N x HEIGHT x WIDTH x CHANNELS");
    put("bad-npz", "mnist.npz", &images);
    expect_failure(
        path_of("bad-npz"), CVY_TRAIN, path_of("bad-npz/mnist.npz"),
        "is no .npz: begins with 0x0000, expected a zip archive; other formats are read from their directory");
}

/* Colour and grey, in an archive and in a directory. */
TEST(numpy_arrays) {
    float images[2 * 3 * 2 * 3];
    double hot[2 * 5] = {0, 0, 0, 1, 0, 0, 1, 0, 0, 0};
    for (int i = 0; i < 36; i++)
        images[i] = (float)i / 36;
    sample x = make_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 2, 3), }", sizeof images);
    sample y = make_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 5), }", sizeof hot);
    memcpy(x.bytes + x.count - sizeof images, images, sizeof images);
    memcpy(y.bytes + y.count - sizeof hot, hot, sizeof hot);
    put("numpy", "x_test.npy", &x);
    expect_failure(path_of("numpy"), CVY_TEST, path_of("numpy/y_test.npy"), "not found, though");
    put("numpy", "y_test.npy", &y);
    expect_failure(path_of("numpy"), CVY_TRAIN, path_of("numpy"),
                   "holds no training images, but x_test.npy, y_test.npy. Convoy reads");
    char archive[PATH_MAX];
    snprintf(archive, sizeof archive, "%s", path_of("numpy.npz"));
    add_member(archive, "x_test.npy", &x, ZIP_CM_DEFLATE);
    expect_failure(archive, CVY_TEST, archive, "has no array y_test; it holds x_test.npy");
    add_member(archive, "y_test.npy", &y, ZIP_CM_DEFLATE);
    expect_failure(archive, CVY_TRAIN, archive, "has no array x_train; it holds x_test.npy, y_test.npy");
    for (int i = 0; i < 2; i++) {
        cvy_status status = {0};
        cvy_dataset *d = cvy_dataset_load(i ? archive : path_of("numpy"), CVY_TEST, &status);
        expect_ok(&status);
        assert_int_equal(d->count, 2);
        assert_int_equal(d->height, 3);
        assert_int_equal(d->width, 2);
        assert_int_equal(d->channels, 3);
        assert_int_equal(d->element, CVY_ELEMENT_F32);
        assert_true(cvy_dataset_check_labels(d, 4, &status));
        assert_memory_equal(d->images, images, sizeof images);
        assert_memory_equal(d->labels, ((const uint8_t[]){3, 1}), 2);
        cvy_dataset_free(d);
    }
    y.bytes[y.count - 8] = 1; /* a number close to 0 */
    put("numpy", "y_test.npy", &y);
    expect_failure(path_of("numpy"), CVY_TEST, path_of("numpy/y_test.npy"),
                   "row 1 is not one-hot: it has 4.94066e-324");
    y = make_npy(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", 24);
    memset(y.bytes + y.count - 24, 0, 24);
    put("numpy", "y_test.npy", &y);
    expect_failure(path_of("numpy"), CVY_TEST, path_of("numpy"), "2 images, but 3 labels");
}

TEST(checks_labels) {
    uint8_t labels[4] = {0, 3, 12, 11};
    const uint8_t images[4] = {0};
    cvy_status status = {0};
    cvy_dataset *d = cvy_dataset_from_u8(images, labels, 4, 1, 1, 1, &status);
    expect_ok(&status);
    assert_true(cvy_dataset_check_labels(d, 13, &status));
    assert_true(cvy_dataset_check_labels(d, 256, &status));
    expect_ok(&status);
    assert_false(cvy_dataset_check_labels(d, 12, &status));
    expect_error(&status, CVY_FAILED, "images in memory",
                 "image 2 has label 12, but the network has 12 classes (0 to 11)");
    assert_false(cvy_dataset_check_labels(d, 3, &status)); /* the first error stays */
    expect_error(&status, CVY_FAILED, "images in memory", "image 2");
    status = (cvy_status){0};
    assert_false(cvy_dataset_check_labels(d, 3, &status));
    expect_error(&status, CVY_FAILED, "images in memory", "image 1 has label 3");
    labels[3] = 200; /* the caller's memory */
    status = (cvy_status){0};
    assert_false(cvy_dataset_check_labels(d, 13, &status));
    expect_error(&status, CVY_FAILED, "images in memory", "image 3 has label 200");
    cvy_dataset_free(d);
    d = cvy_dataset_from_u8(images, NULL, 4, 1, 1, 1, &(cvy_status){0});
    status = (cvy_status){0};
    assert_false(cvy_dataset_check_labels(d, 13, &status));
    expect_error(&status, CVY_USAGE, "images in memory", "no labels");
    cvy_dataset_free(d);
    const uint8_t all[2] = {255, 0};
    d = cvy_dataset_from_u8(images, all, 2, 1, 1, 1, &(cvy_status){0});
    status = (cvy_status){0};
    assert_true(cvy_dataset_check_labels(d, 256, &status));
    assert_false(cvy_dataset_check_labels(d, 255, &status));
    cvy_dataset_free(d);
}

TEST(float_images_are_finite) {
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY}, good[] = {FLT_MAX, -FLT_MAX, FLT_TRUE_MIN, -0.0f};
    float images[3 * 5 * 7 * 2] = {0};
    const size_t at[] = {0, 69, 70, 2 * 70 + (3 * 7 + 4) * 2 + 1, 209};
    const char *const where[] = {"image 0 holds %s at row 0, column 0", "image 0 holds %s at row 4, column 6",
                                 "image 1 holds %s at row 0, column 0", "image 2 holds %s at row 3, column 4",
                                 "image 2 holds %s at row 4, column 6"};
    for (size_t i = 0; i < COUNT(at); i++)
        for (size_t b = 0; b < COUNT(bad); b++) {
            char what[64];
            cvy_status status = {0};
            images[at[i]] = bad[b];
            assert_null(cvy_dataset_from_f32(images, NULL, 3, 5, 7, 2, &status));
            snprintf(what, sizeof what, where[i], b < 2 ? "NaN" : "infinity");
            expect_error(&status, CVY_FAILED, "images in memory", what);
            status = (cvy_status){0};
            images[at[i]] = good[b];
            cvy_dataset_free(cvy_dataset_from_f32(images, NULL, 3, 5, 7, 2, &status));
            expect_ok(&status);
        }
}

TEST(from_memory) {
    const uint8_t labels[2] = {1, 0};
    const float images[2 * 3 * 4 * 2] = {0};
    cvy_status status = {0};
    cvy_dataset *d = cvy_dataset_from_f32(images, labels, 2, 3, 4, 2, &status);
    expect_ok(&status);
    assert_int_equal(d->count, 2);
    assert_int_equal(d->height, 3);
    assert_int_equal(d->width, 4);
    assert_int_equal(d->channels, 2);
    assert_int_equal(d->element, CVY_ELEMENT_F32);
    assert_ptr_equal(d->images, images);
    assert_ptr_equal(cvy_dataset_labels(d), labels);
    assert_ptr_equal(cvy_dataset_images(d).f32, images);
    assert_null(cvy_dataset_images(d).u8);
    cvy_dataset_free(d);
}

static void expect_refusal(const void *images, const uint8_t *labels, size_t count, int height, int width, int channels,
                           const char *what) {
    cvy_status status = {0};
    assert_null(cvy_dataset_from_u8(images, labels, count, height, width, channels, &status));
    expect_error(&status, CVY_USAGE, "images in memory", what);
    status = (cvy_status){0};
    assert_null(cvy_dataset_from_f32(images, labels, count, height, width, channels, &status));
    expect_error(&status, CVY_USAGE, "images in memory", what);
}

TEST(arguments_that_make_no_sense) {
    const uint8_t labels[1] = {0};
    const float images[1] = {0};
    expect_refusal(images, labels, 0, 1, 1, 1, "0 images");
    expect_refusal(images, labels, (size_t)UINT32_MAX + 1, 1, 1, 1, "4294967296 images, expected 1 to 4294967295");
    expect_refusal(images, labels, 1, 0, 1, 1, "images of 0 x 1 x 1");
    expect_refusal(images, labels, 1, 1, -2, 1, "images of 1 x -2 x 1");
    expect_refusal(images, labels, 1, 1, 1, INT32_MIN, "images of 1 x 1 x -2147483648");
    expect_refusal(images, labels, 1, INT32_MAX, INT32_MAX, INT32_MAX, "more than 2147483647 elements");
    expect_refusal(images, labels, 1, 1 << 16, 1 << 15, 1, "more than 2147483647 elements");
    cvy_status status = {0};
    assert_null(cvy_dataset_from_f32(images, labels, UINT32_MAX, INT32_MAX, 1, 1, &status)); /* 2^65 bytes */
    expect_error(&status, CVY_USAGE, "images in memory", "4294967295 images of 8589934588 bytes do not fit in memory");
}

TEST(does_nothing_after_an_error) {
    const uint8_t labels[1] = {0};
    const float images[1] = {0};
    cvy_status status = {0};
    cvy_fail(&status, CVY_DIVERGED, "before", "this");
    assert_null(cvy_dataset_load(NULL, CVY_TRAIN, &status));
    assert_null(cvy_dataset_from_f32(images, labels, 1, 1, 1, 1, &status));
    assert_null(cvy_dataset_from_u8(labels, labels, 1, 1, 1, 1, &status));
    expect_error(&status, CVY_DIVERGED, "before", "this");
    /* What a program that checks once, at its end, does with the NULL. */
    assert_int_equal(cvy_dataset_count(NULL), 0);
    assert_null(cvy_dataset_labels(NULL));
    assert_null(cvy_dataset_origin(NULL));
    cvy_dataset_free(NULL);
}

RUN_TESTS("dataset", make_directory, remove_directory)
