/* Which tensor of a file is taken for which weight: by name, by layer, by number, by shape, or not at all. */
#include "files.h"

#include "../../src/convoy.h"
#include "../../src/io/safetensors.h"

/* Two convolutions and two dense layers; conv2d and conv2d_1 have the same shapes. */
static cvy_model *network(bool sequential, cvy_status *status) {
    static const char form[] =
        "{\"class_name\": \"%s\", \"config\": {\"name\": \"net\", \"layers\": ["
        "{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"in\", \"batch_shape\": [null, 6, 6, 2]}%s},"
        "{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"conv2d\", \"filters\": 2, \"kernel_size\": [3, 3]}%s},"
        "{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"conv2d_1\", \"filters\": 2, \"kernel_size\": [3, 3]}%s},"
        "{\"class_name\": \"Flatten\", \"config\": {\"name\": \"flatten\"}%s},"
        "{\"class_name\": \"Dense\", \"config\": {\"name\": \"dense\", \"units\": 3, \"activation\": \"softmax\"}%s}"
        "]%s}}";
    char json[2000];
    if (sequential)
        snprintf(json, sizeof json, form, "Sequential", "", "", "", "", "", "");
    else
        snprintf(json, sizeof json, form, "Functional", ", \"name\": \"in\", \"inbound_nodes\": []",
                 ", \"name\": \"conv2d\", \"inbound_nodes\": [[[\"in\", 0, 0, {}]]]",
                 ", \"name\": \"conv2d_1\", \"inbound_nodes\": [[[\"conv2d\", 0, 0, {}]]]",
                 ", \"name\": \"flatten\", \"inbound_nodes\": [[[\"conv2d_1\", 0, 0, {}]]]",
                 ", \"name\": \"dense\", \"inbound_nodes\": [[[\"flatten\", 0, 0, {}]]]",
                 ", \"input_layers\": [[\"in\", 0, 0]], \"output_layers\": [[\"dense\", 0, 0]]");
    cvy_model *model = cvy_model_from_json(json, status);
    cvy_compile(model, NULL, status);
    return model;
}

enum { WEIGHTS = 6 };

static const size_t shapes[WEIGHTS][4] = {{3, 3, 2, 2}, {2}, {3, 3, 2, 2}, {2}, {8, 3}, {3}};
static const int ranks[WEIGHTS] = {4, 1, 4, 1, 2, 1};
static const size_t counts[WEIGHTS] = {36, 2, 36, 2, 24, 3};

/* Writes tensors of these names in this order: which[i] says of which weight tensor i has the shape, and its number is
 * its values. */
static void write_tensors(const char *path, int count, const char *const names[], const int which[], cvy_dtype dtype) {
    static float values[WEIGHTS + 1][64];
    cvy_tensor tensors[WEIGHTS + 1] = {0};
    for (int i = 0; i < count; i++) {
        const int w = which[i];
        for (size_t k = 0; k < counts[w]; k++)
            values[i][k] = (float)(w + 1);
        tensors[i] = (cvy_tensor){.name = names[i], .dtype = dtype, .rank = ranks[w], .data = values[i]};
        memcpy(tensors[i].shape, shapes[w], sizeof tensors[i].shape);
    }
    cvy_status status = {0};
    assert_true(cvy_safetensors_write(path, tensors, (size_t)count, NULL, &status));
}

static const int in_order[] = {0, 1, 2, 3, 4, 5};

static void expect_loaded(bool sequential, const char *path) {
    cvy_status status = {0};
    cvy_model *model = network(sequential, &status);
    cvy_load(model, path, &status);
    expect_ok(&status);
    for (int i = 0; i < WEIGHTS; i++)
        for (size_t k = 0; k < counts[i]; k++)
            assert_true(cvy_weight(model, i, &status).values[k] == (float)(i + 1));
    cvy_model_free(model);
}

/* The model keeps its weights, and the error names the file and says what it should. */
static void expect_refused(const char *path, const char *const said[]) {
    cvy_status fine = {0}, status = {0};
    cvy_model *model = network(true, &fine);
    float before = cvy_weight(model, 4, &fine).values[5];
    cvy_load(model, path, &status);
    assert_int_equal(status.code, CVY_FAILED);
    assert_string_equal(status.where, path);
    for (int i = 0; said[i]; i++)
        if (!strstr(status.what, said[i]))
            fail_msg("'%s' is not in: %s", said[i], status.what);
    assert_true(before == cvy_weight(model, 4, &fine).values[5]);
    expect_ok(&fine);
    cvy_model_free(model);
}

TEST(both_spellings_fit_both_kinds_of_model) {
    const char *path = path_of("weights.safetensors");
    write_tensors(path, 6,
                  (const char *[]){"net/conv2d/kernel", "net/conv2d/bias", "net/conv2d_1/kernel", "net/conv2d_1/bias",
                                   "net/dense/kernel", "net/dense/bias"},
                  in_order, CVY_F32);
    expect_loaded(true, path);
    expect_loaded(false, path);
    write_tensors(path, 6,
                  (const char *[]){"dense/bias", "dense/kernel", "conv2d_1/kernel", "conv2d/bias", "conv2d_1/bias",
                                   "conv2d/kernel"},
                  (const int[]){5, 4, 2, 1, 3, 0}, CVY_F32);
    expect_loaded(true, path);
    expect_loaded(false, path);
}

TEST(what_is_beside_the_weights_is_left_alone) {
    const char *path = path_of("weights.safetensors");
    write_tensors(path, 7,
                  (const char *[]){"conv2d/kernel", "conv2d/bias", "conv2d_1/kernel", "conv2d_1/bias", "dense/kernel",
                                   "dense/bias", "other/kernel"},
                  (const int[]){0, 1, 2, 3, 4, 5, 4}, CVY_F32);
    expect_loaded(false, path);
}

TEST(automatic_names_fit_in_the_order_of_their_numbers) {
    const char *path = path_of("weights.safetensors");
    write_tensors(path, 6,
                  (const char *[]){"sequential_3/conv2d_10/bias", "sequential_3/conv2d_10/kernel",
                                   "sequential_3/conv2d_9/bias", "sequential_3/conv2d_9/kernel",
                                   "sequential_3/dense_4/bias", "sequential_3/dense_4/kernel"},
                  (const int[]){3, 2, 1, 0, 5, 4}, CVY_F32);
    expect_loaded(true, path);
    expect_loaded(false, path);
}

TEST(shapes_decide_only_where_no_two_are_alike) {
    const char *path = path_of("weights.safetensors");
    write_tensors(path, 6, (const char *[]){"a", "b", "c", "d", "e", "f"}, in_order, CVY_F32);
    expect_refused(path, (const char *const[]){"holds a (3, 3, 2, 2), b (2), c (3, 3, 2, 2)",
                                               "expected net/conv2d/kernel (3, 3, 2, 2), net/conv2d/bias (2)", NULL});
    /* A dense network has a shape for every weight. */
    cvy_status status = {0};
    cvy_model *model = cvy_model_new(NULL, &status);
    cvy_input(model, 2, 2, 2, &status);
    cvy_flatten(model, &status);
    cvy_dense(model, &(cvy_dense_options){.units = 3, .activation = "softmax"}, &status);
    cvy_compile(model, NULL, &status);
    write_tensors(path, 2, (const char *[]){"b", "k"}, (const int[]){5, 4}, CVY_F32);
    cvy_load(model, path, &status);
    expect_ok(&status);
    assert_true(cvy_weight(model, 0, &status).values[23] == 5 && cvy_weight(model, 1, &status).values[2] == 6);
    cvy_model_free(model);
}

TEST(a_file_that_does_not_fit_is_refused_with_a_list) {
    const char *path = path_of("weights.safetensors");
    /* One is missing; one has another shape; one has another type; there are none. */
    write_tensors(path, 5,
                  (const char *[]){"conv2d/kernel", "conv2d/bias", "conv2d_1/kernel", "conv2d_1/bias", "dense/kernel"},
                  in_order, CVY_F32);
    expect_refused(path, (const char *const[]){"holds conv2d/kernel", "net/dense/bias (3)", NULL});
    write_tensors(path, 6,
                  (const char *[]){"conv2d/kernel", "conv2d/bias", "conv2d_1/kernel", "conv2d_1/bias", "dense/kernel",
                                   "dense/bias"},
                  (const int[]){0, 1, 2, 3, 4, 3}, CVY_F32);
    expect_refused(path, (const char *const[]){"dense/bias (2)", "net/dense/bias (3)", NULL});
    write_tensors(path, 6,
                  (const char *[]){"conv2d/kernel", "conv2d/bias", "conv2d_1/kernel", "conv2d_1/bias", "dense/kernel",
                                   "dense/bias"},
                  in_order, CVY_I32);
    expect_refused(path, (const char *const[]){"tensor \"conv2d/kernel\" is I32, expected F32", NULL});
    write_tensors(path, 0, NULL, NULL, CVY_F32);
    expect_refused(path, (const char *const[]){"holds none", NULL});
}

TEST(a_long_list_is_cut) {
    const char *path = path_of("weights.safetensors");
    enum { MANY = 300 };
    static char names[MANY][64];
    static cvy_tensor tensors[MANY];
    static const float zero[2];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "a_rather_long_name_of_a_layer_%d/bias", i);
        tensors[i] = (cvy_tensor){names[i], CVY_F32, 1, {2}, zero};
    }
    cvy_status status = {0};
    assert_true(cvy_safetensors_write(path, tensors, MANY, NULL, &status));
    expect_refused(path, (const char *const[]){"a_layer_0/bias (2), ", ") and more, expected net/conv2d/kernel",
                                               "net/dense/bias (3)", NULL});
}

RUN_TESTS("weight names", make_directory, remove_directory)
