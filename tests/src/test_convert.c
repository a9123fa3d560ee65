/* Images and labels of every element type, and labels that are none. */
#include "files.h"

#include "../../src/data/convert.h"

#include <math.h>

/* An array of that type and shape. Its values begin `offset` bytes into its memory, as behind the header of a file. */
static cvy_ndarray make(cvy_element element, int rank, const size_t *shape, const double *values, size_t offset) {
    cvy_ndarray array = cvy_ndarray_of("file.npy");
    array.element = element;
    array.rank = rank;
    memcpy(array.shape, shape, (size_t)rank * sizeof *shape);
    size_t bytes, size = cvy_element_types[element].size;
    assert_true(cvy_ndarray_bytes(&array, &bytes, &(cvy_status){0}));
    array.owned = malloc(offset + bytes);
    assert_non_null(array.owned);
    array.data = (char *)array.owned + offset;
    for (size_t i = 0; i < bytes / size; i++) {
        uint64_t integer = values[i] < 0 ? (uint64_t)(int64_t)values[i] : (uint64_t)values[i];
        float f32 = (float)values[i];
        const void *value = element == CVY_ELEMENT_F32   ? (void *)&f32
                            : element == CVY_ELEMENT_F64 ? (void *)&values[i]
                                                         : (void *)&integer;
        memcpy((char *)array.data + i * size, value, size); /* little-endian */
    }
    return array;
}

static bool is_float(int element) {
    return element == CVY_ELEMENT_F32 || element == CVY_ELEMENT_F64;
}

static void expect_labels(cvy_ndarray array, const uint8_t *expected) {
    cvy_status status = {0};
    cvy_convert_labels(&array, &status);
    expect_ok(&status);
    assert_int_equal(array.element, CVY_ELEMENT_U8);
    assert_int_equal(array.rank, 1);
    assert_memory_equal(array.data, expected, array.shape[0]);
    free(array.owned);
}

static void expect_wrong_labels(cvy_ndarray array, const char *what) {
    cvy_status status = {0};
    assert_false(cvy_convert_labels(&array, &status));
    expect_error(&status, CVY_FAILED, "file.npy", what);
    free(array.owned);
}

static void expect_wrong_images(cvy_ndarray array, const char *what) {
    cvy_status status = {0};
    assert_false(cvy_convert_images(&array, &status));
    expect_error(&status, CVY_FAILED, "file.npy", what);
    free(array.owned);
}

TEST(class_numbers) {
    const double few[4] = {1, 0, 0, 1}, values[4] = {3, 0, 127, 9};
    for (int element = 0; element < CVY_ELEMENTS; element++) {
        if (is_float(element))
            continue;
        const double *from = element == CVY_ELEMENT_BOOL ? few : values;
        const uint8_t expected[4] = {(uint8_t)from[0], (uint8_t)from[1], (uint8_t)from[2], (uint8_t)from[3]};
        expect_labels(make(element, 1, (size_t[]){4}, from, 0), expected);
        expect_labels(make(element, 1, (size_t[]){4}, from, 13), expected);
        expect_labels(make(element, 2, (size_t[]){4, 1}, from, 64), expected);
    }
    expect_labels(make(CVY_ELEMENT_I64, 1, (size_t[]){2}, (double[]){255, 0}, 128), (const uint8_t[]){255, 0});
}

TEST(one_hot_rows) {
    const double values[12] = {0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    for (int element = 0; element < CVY_ELEMENTS; element++)
        for (size_t offset = 0; offset < 20; offset += 7)
            expect_labels(make(element, 2, (size_t[]){4, 3}, values, offset), (const uint8_t[]){2, 0, 1, 2});
    double many[256] = {0};
    many[255] = 1;
    expect_labels(make(CVY_ELEMENT_F64, 2, (size_t[]){1, 256}, many, 0), (const uint8_t[]){255});
}

TEST(wrong_labels) {
    static const double many[257] = {1};
    const size_t four[] = {4}, rows[] = {3, 2};
    expect_wrong_labels(make(CVY_ELEMENT_I64, 1, four, (double[]){1, 2, 256, 3}, 0),
                        "label 2 is 256, expected 0 to 255");
    expect_wrong_labels(make(CVY_ELEMENT_I32, 1, four, (double[]){1, -1, 256, 3}, 0),
                        "label 1 is -1, expected 0 to 255");
    expect_wrong_labels(make(CVY_ELEMENT_U64, 1, four, (double[]){1, 2, 3, 18446744073709549568.}, 0),
                        "label 3 is 18446744073709549568");
    expect_wrong_labels(make(CVY_ELEMENT_F32, 1, four, (double[]){1, 2, 3, 4}, 0),
                        "labels of float32, expected an integer type; NumPy's y.astype(\"uint8\") converts");
    expect_wrong_labels(make(CVY_ELEMENT_F64, 2, (size_t[]){4, 1}, (double[]){1, 2, 3, 4}, 0), "labels of float64");
    expect_wrong_labels(make(CVY_ELEMENT_U8, 2, rows, (double[]){0, 1, 0, 0, 1, 1}, 0),
                        "row 1 is not one-hot: it has no 1");
    expect_wrong_labels(make(CVY_ELEMENT_I64, 2, rows, (double[]){0, 1, 1, 0, 1, 1}, 0),
                        "row 2 is not one-hot: it has a second 1 in column 1");
    expect_wrong_labels(make(CVY_ELEMENT_F64, 2, rows, (double[]){0, 1, .1, .9, 1, 1}, 0),
                        "row 1 is not one-hot: it has 0.1 in column 0, expected a single 1 and zeros");
    expect_wrong_labels(make(CVY_ELEMENT_F32, 2, rows, (double[]){NAN, 1, 0, 1, 1, 1}, 0),
                        "row 0 is not one-hot: it has nan");
    expect_wrong_labels(make(CVY_ELEMENT_I8, 2, rows, (double[]){0, 1, 1, 0, -1, 1}, 0),
                        "row 2 is not one-hot: it has -1");
    expect_wrong_labels(make(CVY_ELEMENT_U8, 2, (size_t[]){1, 257}, many, 0), "an array of 1 x 257, expected labels");
    expect_wrong_labels(
        make(CVY_ELEMENT_U8, 3, (size_t[]){1, 2, 1}, many, 0),
        "an array of 1 x 2 x 1, expected labels: N or N x 1, or one-hot rows N x CLASSES of at most 256");
}

TEST(images) {
    const double values[6] = {0, 255, 0.1, 1.5, 7, 1e-3};
    static const cvy_element elements[] = {CVY_ELEMENT_U8, CVY_ELEMENT_F32, CVY_ELEMENT_F64};
    for (size_t e = 0; e < COUNT(elements); e++)
        for (size_t offset = 0; offset < 20; offset += 1 + offset / 8 * 3)
            for (int rank = 3; rank <= 4; rank++) {
                cvy_ndarray array = make(elements[e], rank, (size_t[]){1, 3, 2, 1}, values, offset);
                cvy_status status = {0};
                cvy_convert_images(&array, &status);
                expect_ok(&status);
                assert_int_equal(array.rank, rank);
                assert_int_equal(array.element, e == 0 ? CVY_ELEMENT_U8 : CVY_ELEMENT_F32);
                for (size_t i = 0; i < 6; i++)
                    if (e == 0)
                        assert_int_equal(((uint8_t *)array.data)[i], (uint8_t)values[i]);
                    else
                        assert_true(((float *)array.data)[i] == (float)values[i]);
                free(array.owned);
            }
}

TEST(wrong_images) {
    static const double values[6];
    expect_wrong_images(make(CVY_ELEMENT_U8, 2, (size_t[]){3, 2}, values, 0),
                        "an array of 3 x 2, expected images: N x HEIGHT x WIDTH or N x HEIGHT x WIDTH x CHANNELS");
    expect_wrong_images(make(CVY_ELEMENT_I64, 3, (size_t[]){1, 3, 2}, values, 0),
                        "images of int64, expected uint8, float32 or float64; NumPy's x.astype(\"float32\") converts");
    expect_wrong_images(make(CVY_ELEMENT_BOOL, 3, (size_t[]){1, 3, 2}, values, 0), "images of bool");
}

TEST(does_nothing_after_an_error) {
    cvy_status status = {0};
    cvy_ndarray array = make(CVY_ELEMENT_I64, 1, (size_t[]){1}, (double[]){1}, 0);
    cvy_fail(&status, CVY_DIVERGED, "before", "this");
    assert_false(cvy_convert_labels(&array, &status));
    assert_false(cvy_convert_images(&array, &status));
    assert_int_equal(array.element, CVY_ELEMENT_I64);
    expect_error(&status, CVY_DIVERGED, "before", "this");
    free(array.owned);
}

RUN_TESTS("convert", NULL, NULL)
