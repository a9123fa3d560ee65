/* EMNIST: names, labels from 1, images with rows and columns exchanged. */
#include "samples.h"

#include "../../src/convoy.h"
#include "../../src/data/dataset.h"

/* A split of images that are stored as 6 x 5, with labels from `first` on. */
static void put_split(const char *below, const char *prefix, uint32_t count, int first, bool zipped) {
    char name[64];
    sample images = make_images(count), labels = make_labels(count);
    for (uint32_t i = 0; i < count; i++)
        labels.bytes[8 + i] = (uint8_t)(first + (int)i % 26);
    if (zipped) {
        images = gzip(&images);
        labels = gzip(&labels);
    }
    snprintf(name, sizeof name, "%s-images-idx3-ubyte%s", prefix, zipped ? ".gz" : "");
    put(below, name, &images);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte%s", prefix, zipped ? ".gz" : "");
    put(below, name, &labels);
}

static void expect_upright(const char *place, cvy_split split, size_t count, const char *origin) {
    cvy_status status = {0};
    cvy_dataset *d = cvy_dataset_load(place, split, &status);
    expect_ok(&status);
    assert_string_equal(cvy_dataset_origin(d), origin);
    assert_int_equal(d->count, count);
    assert_int_equal(d->height, 5);
    assert_int_equal(d->width, 6);
    const uint8_t *image = d->images;
    for (int i = 0; i < (int)count; i++) {
        assert_int_equal(d->labels[i], i % 26);
        for (int y = 0; y < 5; y++)
            for (int x = 0; x < 6; x++)
                assert_int_equal(*image++, (i * 30 + x * 5 + y) * 37 % 251);
    }
    cvy_dataset_free(d);
}

static void expect_failure(const char *place, cvy_split split, const char *where, const char *what) {
    cvy_status status = {0};
    assert_null(cvy_dataset_load(place, split, &status));
    expect_error(&status, CVY_FAILED, where, what);
}

TEST(reads_each_set) {
    static const char *const sets[] = {"balanced", "byclass", "bymerge", "digits", "letters", "mnist"};
    for (size_t i = 0; i < COUNT(sets); i++) {
        char below[32], prefix[64];
        int first = strcmp(sets[i], "letters") == 0;
        snprintf(below, sizeof below, "set-%zu", i);
        snprintf(prefix, sizeof prefix, "emnist-%s-train", sets[i]);
        put_split(below, prefix, 30, first, i % 2);
        snprintf(prefix, sizeof prefix, "emnist-%s-test", sets[i]);
        put_split(below, prefix, 7, first, i % 3);
        expect_upright(path_of(below), CVY_TRAIN, 30, path_of(below));
        expect_upright(path_of(below), CVY_TEST, 7, path_of(below));
        snprintf(prefix, sizeof prefix, "%s/emnist-%s", below, sets[i]);
        expect_upright(path_of(prefix), CVY_TEST, 7, path_of(prefix));
    }
}

TEST(several_sets) {
    put_split("several", "emnist-mnist-train", 3, 0, false);
    put_split("several", "emnist-digits-test", 4, 0, false);
    put_split("several", "emnist-letters-train", 5, 1, true);
    expect_failure(
        path_of("several"), CVY_TRAIN, path_of("several"),
        "holds 3 sets of EMNIST: emnist-digits, emnist-letters, emnist-mnist; choose one with its name, as in");
    expect_upright(path_of("several/emnist-letters"), CVY_TRAIN, 5, path_of("several/emnist-letters"));
    expect_upright(path_of("several/emnist-digits"), CVY_TEST, 4, path_of("several/emnist-digits"));
    expect_failure(path_of("several/emnist-digits"), CVY_TRAIN, path_of("several/emnist-digits"),
                   "there is no emnist-digits-train-images-idx3-ubyte");
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(path_of("several")), 0);
    expect_upright("emnist-mnist", CVY_TRAIN, 3, "emnist-mnist");
    assert_int_equal(chdir(before), 0);
}

TEST(wrong_labels) {
    put_split("zero", "emnist-letters-train", 3, 0, false);
    expect_failure(path_of("zero"), CVY_TRAIN, "zero/emnist-letters-train-labels-idx1-ubyte",
                   "label 0 is 0, expected 1 to 26 in EMNIST's letters");
    put_split("many", "emnist-letters-train", 26, 2, false);
    expect_failure(path_of("many"), CVY_TRAIN, "many/emnist-letters-train-labels-idx1-ubyte", "label 25 is 27");
}

TEST(wrong_files) {
    put_split("half", "emnist-letters-train", 3, 1, false);
    unlink(path_of("half/emnist-letters-train-labels-idx1-ubyte"));
    expect_failure(path_of("half"), CVY_TRAIN, "half/emnist-letters-train-labels-idx1-ubyte", "not found, though");
    put_split("swapped", "emnist-mnist-train", 3, 0, false);
    sample labels = make_labels(3);
    put("swapped", "emnist-mnist-train-images-idx3-ubyte", &labels);
    expect_failure(path_of("swapped"), CVY_TRAIN, "swapped/emnist-mnist-train-images-idx3-ubyte",
                   "an array of 3, expected images");
    labels = make_labels(2);
    put_split("counts", "emnist-mnist-train", 3, 0, false);
    put("counts", "emnist-mnist-train-labels-idx1-ubyte", &labels);
    expect_failure(path_of("counts"), CVY_TRAIN, path_of("counts"), "3 images, but 2 labels");
}

RUN_TESTS("emnist", make_directory, remove_directory)
