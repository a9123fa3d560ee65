#include "files.h"

#include <math.h>

#include "../../src/model/network.h"

/* ---- Helpers ---------------------------------------------------------------------------------------------------- */

static cvy_network *network_with_input(int height, int width, int channels) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(NULL, false, &status);
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT);
    input.output = (cvy_shape){3, height, width, channels};
    assert_true(cvy_network_add(network, &input, &status));
    return network;
}

static cvy_layer conv2d(int filters, int kernel_height, int kernel_width) {
    cvy_layer layer = cvy_layer_default(CVY_LAYER_CONV2D);
    layer.units = filters;
    layer.kernel_size[0] = kernel_height;
    layer.kernel_size[1] = kernel_width;
    return layer;
}

static cvy_layer dense(int units) {
    cvy_layer layer = cvy_layer_default(CVY_LAYER_DENSE);
    layer.units = units;
    return layer;
}

static void add(cvy_network *network, cvy_layer layer) {
    cvy_status status = {0};
    cvy_network_add(network, &layer, &status);
    expect_ok(&status);
}

/* The layer is refused, with `what` about `where`, and the network stays as it was. */
static void expect_refusal(cvy_network *network, cvy_layer layer, const char *where, const char *what) {
    cvy_status status = {0};
    int count = network->count;
    assert_false(cvy_network_add(network, &layer, &status));
    expect_error(&status, CVY_FAILED, where, what);
    assert_int_equal(network->count, count);
}

static void expect_shape(const cvy_network *network, int layer, cvy_shape shape) {
    char found[64], expected[64];
    cvy_shape_text(network->layers[layer].output, found);
    cvy_shape_text(shape, expected);
    assert_string_equal(found, expected);
}

/* ---- Built-in networks ------------------------------------------------------------------------------------------ */

static size_t parameters_of(const cvy_network *network) {
    size_t parameters = 0;
    for (int i = 0; i < network->count; i++)
        parameters += network->layers[i].parameters;
    return parameters;
}

TEST(builtin_networks_have_their_size) {
    static const struct {
        const char *name;
        int layers;
        size_t parameters;
    } expected[] = {{"lesson", 8, 9532}, {"lesson-avg", 8, 9532}, {"lenet5", 9, 44426}};
    for (size_t i = 0; i < 3; i++) {
        cvy_status status = {0};
        assert_true(cvy_network_is_builtin(expected[i].name));
        cvy_network *network = cvy_network_builtin(expected[i].name, &status);
        expect_ok(&status);
        assert_string_equal(network->name, "functional");
        assert_false(network->sequential);
        assert_int_equal(network->count, expected[i].layers);
        assert_int_equal(parameters_of(network), expected[i].parameters);
        expect_shape(network, network->count - 1, (cvy_shape){1, 1, 1, 10});
        assert_int_equal(network->layers[network->count - 1].activation, CVY_SOFTMAX);
        cvy_network_free(network);
    }
    assert_false(cvy_network_is_builtin("lesson-"));
}

TEST(average_pooling_is_all_that_lesson_avg_changes) {
    cvy_status status = {0};
    cvy_network *maximum = cvy_network_builtin("lesson", &status),
                *average = cvy_network_builtin("lesson-avg", &status);
    for (int i = 0; i < maximum->count; i++) {
        cvy_layer *layer = &maximum->layers[i];
        if (layer->kind != CVY_LAYER_MAX_POOLING2D) {
            assert_int_equal(average->layers[i].kind, layer->kind);
            assert_string_equal(average->layers[i].name, layer->name);
        } else {
            assert_int_equal(average->layers[i].kind, CVY_LAYER_AVERAGE_POOLING2D);
        }
    }
    assert_string_equal(average->layers[2].name, "average_pooling2d");
    assert_string_equal(average->layers[4].name, "average_pooling2d_1");
    cvy_network_free(maximum);
    cvy_network_free(average);
}

TEST(unknown_name_is_no_builtin) {
    cvy_status status = {0};
    assert_null(cvy_network_builtin("lesson2", &status));
    expect_ok(&status);
    assert_null(cvy_network_from("lesson2", &status));
    expect_error(&status, CVY_FAILED, "lesson2", "lesson, lesson-avg, lenet5");
}

/* ---- Shapes ----------------------------------------------------------------------------------------------------- */

/* Counts the windows one by one. */
static int count_windows(int extent, int window, int stride, bool same) {
    int count = 0;
    for (int first = 0; same ? first < extent : first + window <= extent; first += stride)
        count++;
    return count;
}

static void try_window(cvy_layer layer, int extent, int window, int stride, bool same) {
    cvy_status status = {0};
    cvy_network *network = network_with_input(extent, 12, 2);
    layer.kernel_size[0] = window;
    layer.kernel_size[1] = 3;
    layer.strides[0] = stride;
    layer.strides[1] = 2;
    layer.same = same;
    int height = count_windows(extent, window, stride, same);
    assert_int_equal(cvy_network_add(network, &layer, &status), height > 0);
    if (height)
        expect_shape(network, 1, (cvy_shape){3, height, same ? 6 : 5, layer.units ? layer.units : 2});
    else
        expect_error(&status, CVY_FAILED, layer.units ? "kernel_size" : "pool_size", "larger than its input");
    cvy_network_free(network);
}

TEST(windows_fit_as_often_as_counted) {
    for (int extent = 1; extent <= 24; extent++)
        for (int window = 1; window <= 11; window++)
            for (int stride = 1; stride <= 7; stride++)
                for (int same = 0; same < 2; same++) {
                    try_window(conv2d(5, 1, 1), extent, window, stride, same);
                    try_window(cvy_layer_default(CVY_LAYER_MAX_POOLING2D), extent, window, stride, same);
                    try_window(cvy_layer_default(CVY_LAYER_AVERAGE_POOLING2D), extent, window, stride, same);
                }
}

TEST(pooling_steps_by_its_window_unless_told) {
    cvy_network *network = network_with_input(13, 13, 1);
    cvy_layer layer = cvy_layer_default(CVY_LAYER_MAX_POOLING2D);
    add(network, layer);
    expect_shape(network, 1, (cvy_shape){3, 6, 6, 1});
    layer.kernel_size[0] = 3;
    layer.strides[1] = 1;
    add(network, layer);
    expect_shape(network, 2, (cvy_shape){3, 2, 5, 1});
    assert_int_equal(network->layers[2].strides[0], 3);
    assert_int_equal(network->layers[2].strides[1], 1);
    cvy_network_free(network);
}

TEST(parameters_are_counted_with_and_without_bias) {
    cvy_network *network = network_with_input(9, 9, 4);
    cvy_layer layer = conv2d(7, 3, 2);
    add(network, layer);
    assert_int_equal(network->layers[1].parameters, 3 * 2 * 4 * 7 + 7);
    layer.use_bias = false;
    add(network, layer);
    assert_int_equal(network->layers[2].parameters, 3 * 2 * 7 * 7);
    add(network, cvy_layer_default(CVY_LAYER_FLATTEN));
    expect_shape(network, 3, (cvy_shape){1, 1, 1, 5 * 7 * 7});
    layer = dense(11);
    add(network, layer);
    assert_int_equal(network->layers[4].parameters, 245 * 11 + 11);
    layer.use_bias = false;
    add(network, layer);
    assert_int_equal(network->layers[5].parameters, 11 * 11);
    cvy_network_free(network);
}

TEST(elementwise_layers_keep_either_shape) {
    static const cvy_layer_kind kinds[] = {CVY_LAYER_RESCALING, CVY_LAYER_ACTIVATION, CVY_LAYER_DROPOUT};
    cvy_network *network = network_with_input(3, 4, 5);
    for (int i = 0; i < 3; i++) {
        add(network, cvy_layer_default(kinds[i]));
        expect_shape(network, 1 + i, (cvy_shape){3, 3, 4, 5});
    }
    add(network, cvy_layer_default(CVY_LAYER_FLATTEN));
    for (int i = 0; i < 3; i++) {
        add(network, cvy_layer_default(kinds[i]));
        expect_shape(network, 5 + i, (cvy_shape){1, 1, 1, 60});
    }
    cvy_network_free(network);
}

TEST(vector_input_goes_through_dense_layers) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new("mlp", true, &status);
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT);
    input.output = (cvy_shape){.rank = 1, .channels = 20};
    add(network, input);
    expect_shape(network, 0, (cvy_shape){1, 1, 1, 20});
    add(network, cvy_layer_default(CVY_LAYER_FLATTEN));
    expect_shape(network, 1, (cvy_shape){1, 1, 1, 20});
    add(network, dense(4));
    assert_int_equal(network->layers[2].parameters, 84);
    expect_refusal(network, conv2d(1, 1, 1), "layer \"conv2d\", input shape", "(None, 4), expected (None, height");
    expect_refusal(network, cvy_layer_default(CVY_LAYER_MAX_POOLING2D), "max_pooling2d", "(None, 4)");
    cvy_network_free(network);
}

/* ---- Refusals --------------------------------------------------------------------------------------------------- */

TEST(bad_settings_are_refused_by_name) {
    cvy_network *network = network_with_input(28, 28, 1);
    cvy_layer layer;
    expect_refusal(network, conv2d(0, 5, 5), "layer \"conv2d\", filters", "0, expected at least 1");
    expect_refusal(network, conv2d(-3, 5, 5), "layer \"conv2d\", filters", "-3");
    expect_refusal(network, conv2d(1, 12, 5), "layer \"conv2d\", kernel_size", "12 x 5, expected 1 to 11");
    expect_refusal(network, conv2d(1, 5, 0), "layer \"conv2d\", kernel_size", "5 x 0");
    layer = conv2d(1, 5, 5);
    layer.strides[1] = 0;
    expect_refusal(network, layer, "layer \"conv2d\", strides", "1 x 0");
    layer = cvy_layer_default(CVY_LAYER_MAX_POOLING2D);
    layer.kernel_size[0] = -1;
    expect_refusal(network, layer, "layer \"max_pooling2d\", pool_size", "-1 x 2");
    layer = cvy_layer_default(CVY_LAYER_AVERAGE_POOLING2D);
    layer.strides[0] = -2;
    expect_refusal(network, layer, "layer \"average_pooling2d\", strides", "-2 x 2");
    expect_refusal(network, dense(10), "layer \"dense\", input shape",
                   "(None, 28, 28, 1), expected (None, features): a Flatten");
    layer = cvy_layer_default(CVY_LAYER_DROPOUT);
    layer.rate = 1;
    expect_refusal(network, layer, "layer \"dropout\", rate", "1, expected 0 <= rate < 1");
    layer.rate = -0.1;
    expect_refusal(network, layer, "layer \"dropout\", rate", "-0.1");
    layer.rate = (double)NAN;
    expect_refusal(network, layer, "layer \"dropout\", rate", "nan");
    layer = cvy_layer_default(CVY_LAYER_RESCALING);
    layer.scale = 1e39;
    expect_refusal(network, layer, "layer \"rescaling\", scale and offset", "1e+39");
    layer = cvy_layer_default(CVY_LAYER_RESCALING);
    layer.offset = -(double)INFINITY;
    expect_refusal(network, layer, "layer \"rescaling\", scale and offset", "-inf");
    layer = cvy_layer_default(CVY_LAYER_INPUT);
    layer.output = (cvy_shape){3, 1, 1, 1};
    expect_refusal(network, layer, "layer \"input_layer_1\", input", "a second one");
    add(network, cvy_layer_default(CVY_LAYER_FLATTEN));
    expect_refusal(network, dense(0), "layer \"dense\", units", "0, expected at least 1");
    cvy_network_free(network);
}

TEST(input_comes_first_and_has_extents) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(NULL, true, &status);
    assert_string_equal(network->name, "sequential");
    expect_refusal(network, dense(10), "layer \"dense\", input shape", "an input must come first");
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT);
    expect_refusal(network, input, "layer \"input_layer\", shape", "expected extents of at least 1");
    input.output = (cvy_shape){3, 28, 0, 1};
    expect_refusal(network, input, "layer \"input_layer\", shape", "28 x 0 x 1");
    input.output = (cvy_shape){2, 28, 28, 1};
    expect_refusal(network, input, "layer \"input_layer\", shape", "28 x 28 x 1");
    cvy_network_free(network);
}

TEST(sizes_beyond_the_limits_are_refused) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(NULL, false, &status);
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT);
    input.output = (cvy_shape){3, INT32_MAX, INT32_MAX, INT32_MAX};
    expect_refusal(network, input, "layer \"input_layer\", output shape", "more than 16777216 elements");
    input.output = (cvy_shape){3, 4096, 4096, 2};
    expect_refusal(network, input, "layer \"input_layer\", output shape", "(None, 4096, 4096, 2)");
    input.output = (cvy_shape){3, 4096, 4096, 1};
    add(network, input);
    expect_refusal(network, conv2d(INT32_MAX, 1, 1), "layer \"conv2d\", output shape", "more than 16777216");
    add(network, cvy_layer_default(CVY_LAYER_FLATTEN));
    expect_refusal(network, dense(INT32_MAX), "layer \"dense\", output shape", "more than 16777216");
    expect_refusal(network, dense(16), "layer \"dense\", parameters", "268435472 with those before it");
    add(network, dense(15));
    expect_refusal(network, dense(4096 * 4096), "layer \"dense_1\", parameters", "expected at most 268435456");
    cvy_network_free(network);
}

/* ---- Names ------------------------------------------------------------------------------------------------------ */

TEST(layers_are_named_as_keras_names_them) {
    cvy_network *network = network_with_input(28, 28, 1);
    cvy_layer layer = conv2d(1, 1, 1);
    add(network, layer);
    strcpy(layer.name, "conv2d_2");
    add(network, layer);
    layer.name[0] = '\0';
    add(network, layer);
    add(network, layer);
    static const char *const expected[] = {"input_layer", "conv2d", "conv2d_2", "conv2d_1", "conv2d_3"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(network->layers[i].name, expected[i]);
    strcpy(layer.name, "conv2d_1");
    expect_refusal(network, layer, "layer \"conv2d_1\", name", "is taken");
    strcpy(layer.name, "a/b");
    expect_refusal(network, layer, "layer name", "\"a/b\" holds a slash");
    strcpy(layer.name, "a\033[2J");
    expect_refusal(network, layer, "layer name", "a control character");
    cvy_network_free(network);
}

TEST(long_names_are_refused_not_cut) {
    char name[CVY_NAME_MAX + 1];
    memset(name, 'n', CVY_NAME_MAX);
    name[CVY_NAME_MAX] = '\0';
    cvy_status status = {0};
    assert_null(cvy_network_new(name, false, &status));
    expect_error(&status, CVY_FAILED, "network name", "96 bytes, expected at most 95");
    status = (cvy_status){0};
    cvy_network *network = cvy_network_new(name + 1, false, &status);
    assert_string_equal(network->name, name + 1);
    cvy_layer layer = cvy_layer_default(CVY_LAYER_FLATTEN);
    assert_false(cvy_network_name_layer(network, &layer, name, &status));
    expect_error(&status, CVY_FAILED, "layer name", "96 bytes");
    cvy_network_free(network);
}

TEST(spellings_are_keras_own) {
    cvy_activation_name activation;
    assert_true(cvy_activation_from_name("swish", &activation));
    assert_int_equal(activation, CVY_SILU);
    assert_true(cvy_activation_from_name("softmax", &activation));
    assert_int_equal(activation, CVY_SOFTMAX);
    assert_false(cvy_activation_from_name("Relu", &activation));
    cvy_initializer initializer;
    assert_true(cvy_initializer_from_name("HeNormal", &initializer));
    assert_int_equal(initializer, CVY_HE_NORMAL);
    assert_true(cvy_initializer_from_name("glorot_uniform", &initializer));
    assert_int_equal(initializer, CVY_GLOROT_UNIFORM);
    assert_false(cvy_initializer_from_name("orthogonal", &initializer));
    for (int kind = CVY_LAYER_INPUT; kind <= CVY_LAYER_DROPOUT; kind++) {
        cvy_layer_kind found;
        assert_true(cvy_layer_kind_from_class(cvy_layer_class((cvy_layer_kind)kind), &found));
        assert_int_equal(found, kind);
    }
}

TEST(an_error_before_stops_everything) {
    cvy_network *network = network_with_input(28, 28, 1);
    cvy_status status = {.code = CVY_FAILED, .where = "before"};
    cvy_layer layer = cvy_layer_default(CVY_LAYER_FLATTEN);
    assert_false(cvy_network_add(network, &layer, &status));
    assert_int_equal(network->count, 1);
    assert_null(cvy_network_new(NULL, false, &status));
    assert_null(cvy_network_builtin("lesson", &status));
    assert_null(cvy_network_from("lesson", &status));
    assert_string_equal(status.where, "before");
    cvy_network_free(network);
    cvy_network_free(NULL);
}

RUN_TESTS("network", NULL, NULL)
