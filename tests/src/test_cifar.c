/* CIFAR-10's binary files: records of a label and three planes. */
#include "samples.h"

#include "../../src/convoy.h"
#include "../../src/data/dataset.h"

enum { PIXELS = 32 * 32, RECORD = 1 + 3 * PIXELS };

static uint8_t value(int image, int channel, int pixel) {
    return (uint8_t)(image * 71 + channel * 83 + pixel * 37 % 251);
}

/* A file of that many images, whose numbers begin at `first`. Returns its bytes, which the next call overwrites. */
static uint8_t *put_batch(const char *below, const char *name, int first, int count) {
    static uint8_t bytes[40 * RECORD];
    char path[PATH_MAX];
    for (int i = 0; i < count; i++) {
        uint8_t *record = bytes + i * RECORD;
        record[0] = (uint8_t)((first + i) % 10);
        for (int c = 0; c < 3; c++)
            for (int p = 0; p < PIXELS; p++)
                record[1 + c * PIXELS + p] = value(first + i, c, p);
    }
    make_path(below);
    snprintf(path, sizeof path, "%s/%s", below, name);
    write_file(path, bytes, (size_t)count * RECORD);
    return bytes;
}

/* More than are read at once, and fewer. */
static void put_train(const char *below) {
    static const int counts[5] = {16, 1, 17, 40, 3};
    char name[32];
    for (int i = 0, first = 0; i < 5; first += counts[i++]) {
        snprintf(name, sizeof name, "data_batch_%d.bin", i + 1);
        put_batch(below, name, first, counts[i]);
    }
}

static void expect_images(const char *place, cvy_split split, size_t count, const char *origin) {
    cvy_status status = {0};
    cvy_dataset *d = cvy_dataset_load(place, split, &status);
    expect_ok(&status);
    assert_string_equal(cvy_dataset_origin(d), origin);
    assert_int_equal(d->count, count);
    assert_int_equal(d->height, 32);
    assert_int_equal(d->width, 32);
    assert_int_equal(d->channels, 3);
    assert_int_equal(d->element, CVY_ELEMENT_U8);
    const uint8_t *image = d->images;
    for (int i = 0; i < (int)count; i++) {
        assert_int_equal(d->labels[i], i % 10);
        for (int p = 0; p < PIXELS; p++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(*image++, value(i, c, p));
    }
    cvy_dataset_free(d);
}

static void expect_failure(const char *place, cvy_split split, const char *where, const char *what) {
    cvy_status status = {0};
    assert_null(cvy_dataset_load(place, split, &status));
    expect_error(&status, CVY_FAILED, where, what);
}

TEST(reads_both_splits) {
    put_train("whole");
    put_batch("whole", "test_batch.bin", 0, 21);
    expect_images(path_of("whole"), CVY_TRAIN, 77, path_of("whole"));
    expect_images(path_of("whole"), CVY_TEST, 21, path_of("whole"));
}

TEST(reads_the_directory_of_the_archive) {
    put_train("above/cifar-10-batches-bin");
    expect_images(path_of("above"), CVY_TRAIN, 77, path_of("above/cifar-10-batches-bin"));
}

TEST(a_split_by_itself) {
    put_batch("test-only", "test_batch.bin", 0, 2);
    expect_images(path_of("test-only"), CVY_TEST, 2, path_of("test-only"));
    expect_failure(path_of("test-only"), CVY_TRAIN, path_of("test-only"),
                   "holds no training images, but test_batch.bin");
}

TEST(missing_files) {
    put_train("partial");
    unlink(path_of("partial/data_batch_3.bin"));
    unlink(path_of("partial/data_batch_5.bin"));
    expect_failure(path_of("partial"), CVY_TRAIN, path_of("partial/data_batch_3.bin"), "not found, though");
    unlink(path_of("partial/data_batch_1.bin"));
    expect_failure(path_of("partial"), CVY_TRAIN, path_of("partial/data_batch_1.bin"), "data_batch_2.bin is there");
}

TEST(wrong_lengths) {
    char what[64];
    uint8_t *bytes = put_batch("cut", "test_batch.bin", 0, 1);
    for (size_t length = 0; length < RECORD; length += length < 64 || length > RECORD - 64 ? 1 : 16) {
        snprintf(what, sizeof what, "%zu bytes, expected a multiple of 3073", length);
        write_file("cut/test_batch.bin", bytes, length);
        expect_failure(path_of("cut"), CVY_TEST, path_of("cut/test_batch.bin"), what);
    }
    make_path("directory/test_batch.bin");
    expect_failure(path_of("directory"), CVY_TEST, path_of("directory/test_batch.bin"), "is a directory");
}

TEST(wrong_labels) {
    uint8_t *bytes = put_batch("labels", "test_batch.bin", 0, 20);
    bytes[18 * RECORD] = 10;
    write_file("labels/test_batch.bin", bytes, 20 * RECORD);
    expect_failure(path_of("labels"), CVY_TEST, path_of("labels/test_batch.bin"),
                   "image 18 has label 10, expected 0 to 9");
}

RUN_TESTS("cifar", make_directory, remove_directory)
