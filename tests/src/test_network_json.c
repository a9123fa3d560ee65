#include "files.h"
#include "networks.h"

#include "../../src/model/network_json.h"

#include <jansson.h>

/* ---- Helpers ---------------------------------------------------------------------------------------------------- */

static json_t *load(const char *name) {
    char path[PATH_MAX];
    network_path(name, ".json", path);
    json_t *model = json_load_file(path, 0, NULL);
    assert_non_null(model);
    return model;
}

static cvy_network *read_text(const char *text, cvy_status *status) {
    return cvy_network_from_json(text, strlen(text), "model.json", status);
}

/* Reads a description that is then thrown away. */
static cvy_network *read_model(json_t *model, cvy_status *status) {
    char *text = json_dumps(model, 0);
    cvy_network *network = read_text(text, status);
    free(text);
    json_decref(model);
    return network;
}

static json_t *parse(const char *text) {
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static json_t *layers_of(json_t *model) {
    return json_object_get(json_object_get(model, "config"), "layers");
}

static json_t *layer_named(json_t *model, const char *name) {
    size_t i;
    json_t *layer;
    json_array_foreach(layers_of(model), i, layer) {
        if (!strcmp(json_string_value(json_object_get(json_object_get(layer, "config"), "name")), name))
            return layer;
    }
    fail_msg("no layer %s", name);
    return NULL;
}

static void expect_same_network(const cvy_network *first, const cvy_network *second) {
    assert_string_equal(first->name, second->name);
    assert_int_equal(first->sequential, second->sequential);
    assert_int_equal(first->count, second->count);
    for (int i = 0; i < first->count; i++) {
        const cvy_layer *a = &first->layers[i], *b = &second->layers[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->kind, b->kind);
        assert_memory_equal(a->kernel_size, b->kernel_size, sizeof a->kernel_size);
        assert_memory_equal(a->strides, b->strides, sizeof a->strides);
        assert_int_equal(a->same, b->same);
        assert_int_equal(a->units, b->units);
        assert_int_equal(a->use_bias, b->use_bias);
        assert_int_equal(a->activation, b->activation);
        assert_int_equal(a->kernel_initializer, b->kernel_initializer);
        assert_int_equal(a->bias_initializer, b->bias_initializer);
        assert_true(a->scale == b->scale && a->offset == b->offset && a->rate == b->rate);
        assert_memory_equal(&a->output, &b->output, sizeof a->output);
        assert_int_equal(a->parameters, b->parameters);
    }
}

static void expect_refusal(json_t *model, const char *where, const char *what) {
    cvy_status status = {0};
    assert_null(read_model(model, &status));
    expect_error(&status, CVY_FAILED, where, what);
    expect_error(&status, CVY_FAILED, "model.json", what);
}

/* ---- What Keras writes ------------------------------------------------------------------------------------------ */

TEST(lesson_is_the_builtin_lesson) {
    cvy_status status = {0};
    cvy_network *read = read_network("lesson"), *built = cvy_network_builtin("lesson", &status);
    expect_same_network(read, built);
    cvy_network_free(read);
    cvy_network_free(built);
}

TEST(every_setting_is_read) {
    cvy_network *network = read_network("everything");
    const cvy_layer *l = network->layers;
    assert_string_equal(network->name, "everything");
    assert_true(network->sequential);
    assert_int_equal(network->count, 14);
    assert_true(l[1].scale == 1 / 255.0 && l[1].offset == -0.5);
    assert_int_equal(l[2].units, 8);
    assert_int_equal(l[2].kernel_size[0], 3);
    assert_int_equal(l[2].kernel_size[1], 5);
    assert_int_equal(l[2].strides[0], 2);
    assert_int_equal(l[2].strides[1], 1);
    assert_true(l[2].same && !l[2].use_bias);
    assert_int_equal(l[2].activation, CVY_LINEAR);
    assert_int_equal(l[2].kernel_initializer, CVY_HE_NORMAL);
    assert_int_equal(l[3].kind, CVY_LAYER_ACTIVATION);
    assert_int_equal(l[3].activation, CVY_RELU);
    assert_int_equal(l[4].kind, CVY_LAYER_AVERAGE_POOLING2D);
    assert_int_equal(l[4].kernel_size[1], 3);
    assert_int_equal(l[4].strides[1], 2);
    assert_true(l[4].same);
    assert_true(!l[5].same && l[5].use_bias);
    assert_int_equal(l[5].activation, CVY_TANH);
    assert_int_equal(l[5].kernel_initializer, CVY_HE_UNIFORM);
    assert_int_equal(l[5].bias_initializer, CVY_GLOROT_NORMAL);
    assert_int_equal(l[6].kind, CVY_LAYER_MAX_POOLING2D);
    assert_int_equal(l[6].kernel_size[0], 2);
    assert_int_equal(l[6].strides[1], 3);
    assert_true(l[7].rate == 0.25);
    assert_int_equal(l[9].units, 32);
    assert_int_equal(l[9].activation, CVY_SIGMOID);
    assert_int_equal(l[9].kernel_initializer, CVY_GLOROT_NORMAL);
    assert_int_equal(l[11].activation, CVY_SILU);
    assert_int_equal(l[11].bias_initializer, CVY_HE_UNIFORM);
    assert_int_equal(l[12].kernel_initializer, CVY_ZEROS);
    assert_false(l[12].use_bias);
    assert_int_equal(l[13].activation, CVY_SOFTMAX);
    cvy_network_free(network);
}

/* [null, ...] as our text of the shape. */
static void text_of(json_t *shape, char text[64]) {
    int extents[4] = {1, 1, 1, 1}, rank = (int)json_array_size(shape) - 1;
    for (int i = 0; i < rank; i++)
        extents[(rank == 1 ? 2 : 0) + i] = (int)json_integer_value(json_array_get(shape, (size_t)i + 1));
    cvy_shape_text((cvy_shape){rank, extents[0], extents[1], extents[2]}, text);
}

/* Keras notes the shape of the tensor that each layer of a Functional model takes. */
TEST(shapes_are_those_keras_notes) {
    static const char *const names[] = {"lesson", "shapes", "names"};
    for (int n = 0; n < 3; n++) {
        json_t *model = load(names[n]);
        cvy_network *network = read_network(names[n]);
        for (int i = 1; i < network->count; i++) {
            char found[64], expected[64];
            json_t *node =
                json_array_get(json_object_get(json_array_get(layers_of(model), (size_t)i), "inbound_nodes"), 0);
            json_t *tensor = json_object_get(json_array_get(json_object_get(node, "args"), 0), "config");
            text_of(json_object_get(tensor, "shape"), expected);
            cvy_shape_text(network->layers[i - 1].output, found);
            assert_string_equal(found, expected);
        }
        cvy_network_free(network);
        json_decref(model);
    }
}

TEST(vector_input_is_read) {
    cvy_network *network = read_network("mlp");
    assert_int_equal(network->layers[0].output.rank, 1);
    assert_int_equal(network->layers[0].output.channels, 20);
    assert_int_equal(network->layers[1].parameters, 336);
    cvy_network_free(network);
}

/* ---- What Keras 2 wrote ----------------------------------------------------------------------------------------- */

#define KERAS2_CONV2D                                                                                                  \
    "{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"conv2d\", \"trainable\": true, \"batch_input_shape\": "     \
    "[null, 28, 28, 1], \"dtype\": \"float32\", \"filters\": 3, \"kernel_size\": [5, 5], \"strides\": [1, 1], "        \
    "\"padding\": \"valid\", \"data_format\": \"channels_last\", \"dilation_rate\": [1, 1], \"groups\": 1, "           \
    "\"activation\": \"swish\", \"use_bias\": true, \"kernel_initializer\": {\"class_name\": \"GlorotUniform\", "      \
    "\"config\": {\"seed\": null}, \"shared_object_id\": 1}, \"bias_initializer\": {\"class_name\": \"Zeros\", "       \
    "\"config\": {}}, \"kernel_regularizer\": null, \"bias_regularizer\": null, \"activity_regularizer\": null, "      \
    "\"kernel_constraint\": null, \"bias_constraint\": null}"

TEST(keras2_sequential_is_read) {
    cvy_status status = {0};
    cvy_network *network =
        read_text("{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": [" KERAS2_CONV2D
                  "}]}, \"keras_version\": \"2.4.0\", \"backend\": \"tensorflow\"}",
                  &status);
    expect_ok(&status);
    assert_int_equal(network->count, 2);
    assert_int_equal(network->layers[0].output.height, 28);
    assert_int_equal(network->layers[1].output.height, 24);
    assert_int_equal(network->layers[1].activation, CVY_SILU);
    cvy_network_free(network);
}

TEST(keras2_functional_is_read) {
    cvy_status status = {0};
    cvy_network *network = read_text(
        "{\"class_name\": \"Functional\", \"config\": {\"name\": \"model\", \"layers\": [{\"class_name\": "
        "\"InputLayer\", "
        "\"config\": {\"batch_input_shape\": [null, 28, 28, 1], \"dtype\": \"float32\", \"sparse\": false, \"ragged\": "
        "false, \"name\": \"input_1\"}, \"name\": \"input_1\", \"inbound_nodes\": []}, " KERAS2_CONV2D
        ", \"name\": \"conv2d\", \"inbound_nodes\": [[[\"input_1\", 0, 0, {}]]]}], \"input_layers\": [[\"input_1\", 0, "
        "0]],"
        " \"output_layers\": [[\"conv2d\", 0, 0]]}, \"keras_version\": \"2.4.0\", \"backend\": \"tensorflow\"}",
        &status);
    expect_ok(&status);
    assert_int_equal(network->count, 2);
    assert_string_equal(network->layers[0].name, "input_1");
    cvy_network_free(network);
}

/* ---- Settings that are refused ---------------------------------------------------------------------------------- */

/* A setting of one layer changed: refused with its layer, its key and the value found. */
TEST(settings_that_are_not_computed_are_refused) {
    static const struct {
        const char *layer, *key, *value, *what;
    } wrong[] = {
        {"conv2d", "data_format", "\"channels_first\"", "\"channels_first\", expected \"channels_last\""},
        {"max_pooling2d", "data_format", "\"channels_first\"", "channels_first"},
        {"flatten", "data_format", "\"channels_first\"", "channels_first"},
        {"conv2d", "dilation_rate", "[2, 1]", "[2,1], expected 1"},
        {"conv2d", "dilation_rate", "2", "2, expected 1"},
        {"conv2d", "dilation_rate", "[]", "[], expected 1"},
        {"conv2d", "groups", "2", "2, expected 1"},
        {"conv2d", "padding", "\"causal\"", "\"causal\", expected \"valid\" or \"same\""},
        {"conv2d", "kernel_size", "[13, 13]", "13 x 13, expected 1 to 11"},
        {"conv2d", "kernel_size", "[3, 3, 3]", "[3,3,3], expected"},
        {"conv2d", "strides", "[0, 1]", "[0,1], expected"},
        {"max_pooling2d", "strides", "[0, 0]", "[0,0], expected"},
        {"conv2d", "filters", "2.5", "2.5, expected an integer"},
        {"conv2d", "filters", "4294967297", "4294967297, expected an integer"},
        {"conv2d", "use_bias", "1", "1, expected true or false"},
        {"conv2d", "kernel_regularizer", "{\"class_name\": \"L2\"}", "{\"class_name\":\"L2\"}, expected null"},
        {"dense", "bias_constraint", "{\"class_name\": \"NonNeg\"}", "NonNeg"},
        {"dense", "quantization_config", "{\"class_name\": \"Int8\"}", "Int8"},
        {"dense", "lora_rank", "4", "4, a setting of Dense that is not known"},
        {"dense", "units", "0", "0, expected an integer of at least 1"},
        {"dense", "activation", "\"gelu\"", "\"gelu\", expected linear, relu, silu"},
        {"activation", "activation", "{\"class_name\": \"LeakyReLU\"}", "LeakyReLU"},
        {"dense", "kernel_initializer", "\"orthogonal\"", "\"orthogonal\", expected glorot_uniform"},
        {"dense", "trainable", "false", "false, expected true: frozen"},
        {"dense", "dtype", "\"float16\"", "\"float16\", expected float32"},
        {"dense", "dtype", "{\"class_name\": \"DTypePolicy\", \"config\": {\"name\": \"bfloat16\"}}", "bfloat16"},
        {"rescaling", "scale", "[1, 2]", "[1,2], expected a number"},
        {"rescaling", "offset", "null", "null, expected a number"},
        {"dropout", "rate", "1.5", "1.5, expected 0 <= rate < 1"},
        {"dropout", "seed", "3", "3, expected null"},
        {"dropout", "noise_shape", "[null, 1]", "[null,1], expected null"},
        {"input_layer", "batch_shape", "[32, 28, 28, 1]", "[32,28,28,1], expected [null, height"},
        {"input_layer", "batch_shape", "[null, null, 28, 1]", "expected [null, height"},
        {"input_layer", "batch_shape", "[null, 28, 28]", "expected [null, height"},
        {"input_layer", "sparse", "true", "true, expected false"},
        {"input_layer", "dtype", "\"uint8\"", "\"uint8\", expected float32"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char where[256];
        json_t *model = load("everything");
        json_t *config = json_object_get(layer_named(model, wrong[i].layer), "config");
        json_object_set_new(config, wrong[i].key, parse(wrong[i].value));
        snprintf(where, sizeof where, "model.json: layer \"%s\", %s", wrong[i].layer, wrong[i].key);
        expect_refusal(model, where, wrong[i].what);
    }
}

static json_t *initializer(const char *class_name, const char *key, const char *value) {
    json_t *object = json_pack("{s:s, s:s, s:{}, s:n}", "module", "keras.initializers", "class_name", class_name,
                               "config", "registered_name");
    if (key)
        json_object_set_new(json_object_get(object, "config"), key, parse(value));
    return object;
}

static json_t *with_initializer(json_t *object) {
    json_t *model = load("everything");
    json_object_set_new(json_object_get(layer_named(model, "dense"), "config"), "kernel_initializer", object);
    return model;
}

TEST(initializers_keep_to_what_is_computed) {
    static const char *const where = "layer \"dense\", kernel_initializer";
    expect_refusal(with_initializer(initializer("RandomNormal", NULL, NULL)), where, "RandomNormal");
    expect_refusal(with_initializer(initializer("GlorotUniform", "seed", "7")), "kernel_initializer, seed",
                   "7, expected null");
    expect_refusal(with_initializer(initializer("GlorotUniform", "input_axes", "[0]")),
                   "kernel_initializer, input_axes", "[0]");
    json_t *own = initializer("GlorotUniform", NULL, NULL);
    json_object_set_new(own, "registered_name", json_string("mine>GlorotUniform"));
    expect_refusal(with_initializer(own), where, "mine>GlorotUniform");
    cvy_status status = {0};
    cvy_network *network = read_model(with_initializer(json_string("he_uniform")), &status);
    expect_ok(&status);
    assert_int_equal(network->layers[9].kernel_initializer, CVY_HE_UNIFORM);
    cvy_network_free(network);
}

/* Replaces, one by one, each setting of each layer by a value that fits none. */
TEST(no_setting_is_ignored) {
    json_t *original = load("everything"), *layer;
    int tried = 0;
    size_t i;
    json_array_foreach(layers_of(original), i, layer) {
        const char *name = json_string_value(json_object_get(json_object_get(layer, "config"), "name")), *key;
        json_t *value;
        json_object_foreach(json_object_get(layer, "config"), key, value) {
            char where[256];
            json_t *model = json_deep_copy(original);
            json_t *config = json_object_get(json_array_get(layers_of(model), i), "config");
            json_object_set_new(config, key, parse("{\"odd\": [1]}"));
            /* Without its name, the layer goes by its class's. */
            if (!strcmp(key, "name"))
                strcpy(where, "\", name");
            else
                snprintf(where, sizeof where, "model.json: layer \"%s\", %s", name, key);
            expect_refusal(model, where, "{\"odd\":[1]}");
            tried++;
        }
    }
    assert_true(tried > 100);
    json_decref(original);
}

TEST(missing_settings_are_named) {
    static const char *const required[][2] = {
        {"input_layer", "batch_shape"},
        {"rescaling", "scale"},
        {"conv2d", "filters"},
        {"conv2d", "kernel_size"},
        {"dense", "units"},
        {"activation", "activation"},
        {"dropout", "rate"},
        {"max_pooling2d", "pool_size"},
    };
    for (size_t i = 0; i < COUNT(required); i++) {
        char where[256];
        json_t *model = load("everything");
        json_object_del(json_object_get(layer_named(model, required[i][0]), "config"), required[i][1]);
        snprintf(where, sizeof where, "layer \"%s\", %s", required[i][0], required[i][1]);
        expect_refusal(model, where, "missing");
    }
    json_t *model = load("everything");
    json_object_del(layer_named(model, "dense"), "config");
    expect_refusal(model, "layer \"dense\", config", "missing");
}

/* Keras's defaults stand in for the others. */
TEST(other_settings_have_defaults) {
    cvy_status status = {0};
    cvy_network *network = read_text(
        "{\"class_name\": \"Sequential\", \"config\": {\"layers\": ["
        "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 9, 9, 1]}},"
        "{\"class_name\": \"Conv2D\", \"config\": {\"filters\": 2, \"kernel_size\": 3, \"activation\": null}},"
        "{\"class_name\": \"MaxPooling2D\", \"config\": {\"pool_size\": 3, \"strides\": null}}]}}",
        &status);
    expect_ok(&status);
    assert_string_equal(network->name, "sequential");
    const cvy_layer *layer = &network->layers[1];
    assert_string_equal(layer->name, "conv2d");
    assert_true(layer->use_bias && !layer->same && layer->strides[0] == 1 && layer->strides[1] == 1);
    assert_int_equal(layer->activation, CVY_LINEAR);
    assert_int_equal(layer->kernel_initializer, CVY_GLOROT_UNIFORM);
    assert_int_equal(layer->bias_initializer, CVY_ZEROS);
    assert_int_equal(network->layers[2].strides[1], 3);
    cvy_network_free(network);
}

/* ---- Layers and models that are refused -------------------------------------------------------------------------- */

TEST(classes_of_others_are_refused) {
    json_t *model = load("everything");
    json_object_set_new(layer_named(model, "dense"), "class_name", json_string("EinsumDense"));
    expect_refusal(model, "layer \"dense\", class_name", "\"EinsumDense\" is not a class of layer that is supported");
    model = load("everything");
    json_object_set_new(layer_named(model, "dense"), "registered_name", json_string("mine>Dense"));
    expect_refusal(model, "layer \"dense\", class_name", "\"mine>Dense\"");
    model = load("everything");
    json_object_set_new(layer_named(model, "dense"), "module", json_string("kerasish"));
    expect_refusal(model, "layer \"dense\", class_name", "no class of Keras's own");
    model = load("everything");
    json_object_set_new(model, "class_name", json_string("MyModel"));
    expect_refusal(model, "model.json: class_name", "\"MyModel\", expected Keras's \"Sequential\" or \"Functional\"");
}

TEST(unknown_keys_are_refused) {
    json_t *model = load("lesson");
    json_object_set_new(layer_named(model, "dense"), "quantize", json_true());
    expect_refusal(model, "layer \"dense\", quantize", "not known");
    model = load("lesson");
    json_object_set_new(model, "odd", json_true());
    expect_refusal(model, "model.json: odd", "not known");
    model = load("lesson");
    json_object_set_new(json_object_get(model, "config"), "build_input_shape", json_null());
    expect_refusal(model, "model.json: build_input_shape", "not known");
}

TEST(settings_of_the_model_are_checked) {
    static const char *const settings[][3] = {
        {"trainable", "false", "false, expected true"},  {"dtype", "\"float64\"", "\"float64\", expected float32"},
        {"name", "7", "7, expected a string"},           {"layers", "[]", "[], expected a list of layers"},
        {"layers", "7", "7, expected a list of layers"},
    };
    for (size_t i = 0; i < COUNT(settings); i++) {
        json_t *model = load("everything");
        json_object_set_new(json_object_get(model, "config"), settings[i][0], parse(settings[i][1]));
        expect_refusal(model, settings[i][0], settings[i][2]);
    }
    json_t *model = load("everything");
    json_object_del(model, "config");
    expect_refusal(model, "config", "missing");
}

TEST(sequential_needs_an_input) {
    json_t *model = load("everything"), *config = json_object_get(model, "config");
    json_array_remove(layers_of(model), 0);
    json_object_del(config, "build_input_shape");
    expect_refusal(model, "model.json: layers", "no input shape");
    /* Where it was built is enough. */
    cvy_status status = {0};
    model = load("everything");
    json_array_remove(layers_of(model), 0);
    cvy_network *network = read_model(model, &status);
    expect_ok(&status);
    assert_int_equal(network->layers[0].output.width, 28);
    assert_int_equal(network->count, 14);
    cvy_network_free(network);
}

static json_t *node_of(json_t *model, const char *layer) {
    return json_array_get(json_object_get(layer_named(model, layer), "inbound_nodes"), 0);
}

static json_t *history_of(json_t *model, const char *layer) {
    json_t *tensor = json_array_get(json_object_get(node_of(model, layer), "args"), 0);
    return json_object_get(json_object_get(tensor, "config"), "keras_history");
}

TEST(what_is_no_chain_is_refused) {
    json_t *model = load("lesson");
    json_array_set_new(history_of(model, "dense_1"), 0, json_string("flatten"));
    expect_refusal(model, "layer \"dense_1\", inbound_nodes",
                   "takes \"flatten\", expected \"dense\", the layer before it");
    model = load("lesson");
    json_array_set_new(history_of(model, "dense_1"), 1, json_integer(1));
    expect_refusal(model, "layer \"dense_1\", inbound_nodes", "expected a call on one tensor");
    model = load("lesson");
    json_array_append(json_object_get(layer_named(model, "dense"), "inbound_nodes"), node_of(model, "dense"));
    expect_refusal(model, "layer \"dense\", inbound_nodes", "2, expected one");
    model = load("lesson");
    json_array_clear(json_object_get(layer_named(model, "dense"), "inbound_nodes"));
    expect_refusal(model, "layer \"dense\", inbound_nodes", "0, expected one");
    model = load("lesson");
    json_array_append_new(json_object_get(node_of(model, "dense"), "args"), json_integer(1));
    expect_refusal(model, "layer \"dense\", inbound_nodes", "expected a call on one tensor");
    model = load("lesson");
    json_array_append_new(layers_of(model), json_deep_copy(layer_named(model, "input_layer")));
    json_object_set_new(json_object_get(json_array_get(layers_of(model), 8), "config"), "name", json_string("second"));
    json_object_set_new(json_array_get(layers_of(model), 8), "name", json_string("second"));
    expect_refusal(model, "layer \"second\", input", "a second one");
    model = load("lesson");
    json_object_set_new(layer_named(model, "dense"), "name", json_string("other"));
    expect_refusal(model, "layer \"dense\", name", "\"other\", expected the same name");
    model = load("lesson");
    json_object_set_new(json_object_get(model, "config"), "output_layers", parse("[\"dense\", 0, 0]"));
    expect_refusal(model, "output_layers", "[\"dense\",0,0], expected \"dense_1\", the last layer");
    model = load("lesson");
    json_object_set_new(json_object_get(model, "config"), "output_layers",
                        parse("[[\"dense_1\", 0, 0], [\"dense\", 0, 0]]"));
    expect_refusal(model, "output_layers", "alone");
    model = load("lesson");
    json_object_set_new(json_object_get(model, "config"), "input_layers", parse("[\"conv2d\", 0, 0]"));
    expect_refusal(model, "input_layers", "expected \"input_layer\", the first layer");
}

TEST(a_call_takes_no_arguments) {
    json_t *model = load("shapes");
    assert_true(json_is_false(json_object_get(json_object_get(node_of(model, "dropout"), "kwargs"), "training")));
    json_object_set_new(json_object_get(node_of(model, "dropout"), "kwargs"), "training", json_true());
    expect_refusal(model, "layer \"dropout\", inbound_nodes, kwargs", "{\"training\":true}, expected a call without");
    model = load("shapes");
    json_object_set_new(json_object_get(node_of(model, "dense"), "kwargs"), "mask", json_false());
    expect_refusal(model, "layer \"dense\", inbound_nodes, kwargs", "{\"mask\":false}");
}

/* ---- Lists of what is refused ------------------------------------------------------------------------------------ */

static void set(json_t *model, const char *layer, const char *key, const char *value) {
    json_object_set_new(json_object_get(layer_named(model, layer), "config"), key, parse(value));
}

TEST(all_that_is_refused_is_listed) {
    json_t *model = load("everything");
    json_object_set_new(json_object_get(model, "config"), "dtype", parse("\"float16\""));
    set(model, "conv2d", "activation", "\"gelu\"");
    set(model, "conv2d", "kernel_regularizer", "{\"module\": \"keras.regularizers\", \"class_name\": \"L2\"}");
    set(model, "conv2d", "kernel_size", "[13, 13]"); /* after it no shape is known */
    json_object_set_new(layer_named(model, "max_pooling2d"), "class_name", json_string("GlobalMaxPooling2D"));
    set(model, "dense", "activation", "\"elu\"");
    set(model, "dense", "kernel_initializer", "\"orthogonal\"");
    set(model, "dropout_1", "rate", "1");
    cvy_status status = {0};
    assert_null(read_model(model, &status));
    assert_string_equal(status.where, "model.json");
    assert_string_equal(
        status.what, "8 things are not supported:\n"
                     "  dtype: \"float16\", expected float32\n"
                     "  layer \"conv2d\", activation: \"gelu\"\n"
                     "  layer \"conv2d\", kernel_regularizer: {\"class_name\":\"L2\"}, expected null: it is not "
                     "supported\n"
                     "  layer \"conv2d\", kernel_size: 13 x 13, expected 1 to 11 each\n"
                     "  layer \"max_pooling2d\", class_name: \"GlobalMaxPooling2D\" is not a class of layer that is "
                     "supported\n"
                     "  layer \"dense\", activation: \"elu\"\n"
                     "  layer \"dense\", kernel_initializer: \"orthogonal\"\n"
                     "  layer \"dropout_1\", rate: 1, expected 0 <= rate < 1\n"
                     "Supported activations: linear, relu, silu (swish), sigmoid, tanh or softmax\n"
                     "Supported layers: InputLayer, Rescaling, Conv2D, MaxPooling2D, AveragePooling2D, Flatten, Dense, "
                     "Activation or Dropout\n"
                     "Supported initializers: glorot_uniform, glorot_normal, he_uniform, he_normal or zeros");
}

/* The calls of a Functional model, too, whether or not the layers are supported. */
TEST(branches_are_listed) {
    json_t *model = load("lesson");
    json_object_set_new(layer_named(model, "max_pooling2d"), "class_name", json_string("Add"));
    json_array_set_new(history_of(model, "dense_1"), 0, json_string("flatten"));
    json_array_set_new(history_of(model, "flatten"), 0, json_string("conv2d"));
    cvy_status status = {0};
    assert_null(read_model(model, &status));
    expect_error(&status, CVY_FAILED, "model.json", "3 things");
    expect_error(&status, CVY_FAILED, "model.json", "layer \"max_pooling2d\", class_name: \"Add\"");
    expect_error(&status, CVY_FAILED, "model.json",
                 "layer \"flatten\", inbound_nodes: takes \"conv2d\", expected \"max_pooling2d_1\"");
    expect_error(&status, CVY_FAILED, "model.json", "layer \"dense_1\", inbound_nodes: takes \"flatten\"");
}

TEST(long_lists_are_cut) {
    json_t *model = load("everything");
    for (int i = 0; i < 60; i++) {
        char name[200];
        memset(name, 'x', sizeof name);
        snprintf(name + 180, 20, "\n%02d", i);
        json_object_set_new(json_object_get(layer_named(model, "dense"), "config"), name, json_true());
    }
    set(model, "dense", "activation", "\"elu\"");
    cvy_status status = {0};
    assert_null(read_model(model, &status));
    expect_error(&status, CVY_FAILED, "model.json", "61 things are not supported:\n  layer \"dense\"");
    const char *more = strstr(status.what, "\n  and ");
    assert_non_null(more);
    int listed = -1;
    for (const char *line = status.what; line < more; line = strchr(line + 1, '\n'))
        listed++;
    assert_true(listed >= 4);
    assert_int_equal(atoi(more + 7), 61 - listed);
    expect_error(&status, CVY_FAILED, "model.json", "tanh or softmax"); /* the end is there */
}

/* ---- What is written --------------------------------------------------------------------------------------------- */

/* Writes the network, reads that, and expects the same. */
static void expect_round_trip(const cvy_network *network) {
    cvy_status status = {0};
    cvy_network *back = read_model(cvy_network_to_json(network, &status), &status);
    expect_ok(&status);
    expect_same_network(network, back);
    cvy_network_free(back);
}

TEST(networks_are_written_as_keras_does) {
    static const char *const names[] = {"lesson",       "everything",       "mlp",           "shapes",        "names",
                                        "compiled_sgd", "compiled_rmsprop", "compiled_adam", "compiled_adamw"};
    for (size_t i = 0; i < COUNT(names); i++) {
        cvy_status status = {0};
        json_t *keras = load(names[i]);
        json_object_del(keras, "compile_config");
        cvy_network *network = read_network(names[i]);
        json_t *written = cvy_network_to_json(network, &status);
        expect_ok(&status);
        char *expected = json_dumps(keras, 0), *found = json_dumps(written, 0);
        assert_string_equal(found, expected); /* in the same order */
        free(expected);
        free(found);
        json_decref(keras);
        json_decref(written);
        expect_round_trip(network);
        cvy_network_free(network);
    }
}

TEST(builtins_are_written) {
    static const char *const names[] = {"lesson", "lesson-avg", "lenet5"};
    for (size_t i = 0; i < COUNT(names); i++) {
        cvy_status status = {0};
        cvy_network *network = cvy_network_builtin(names[i], &status);
        expect_round_trip(network);
        cvy_network_free(network);
    }
}

/* A layer with settings that change with n. */
static cvy_layer varied(cvy_layer_kind kind, int n) {
    cvy_layer layer = cvy_layer_default(kind);
    if (kind == CVY_LAYER_INPUT)
        layer.output = (cvy_shape){3, 30 + n, 41, 1 + n % 4};
    if (kind == CVY_LAYER_RESCALING) {
        layer.scale = 1.0 / (n + 1);
        layer.offset = -0.1 * n;
    }
    if (kind == CVY_LAYER_CONV2D || kind == CVY_LAYER_DENSE) {
        layer.units = n + 1;
        layer.use_bias = n % 2;
        layer.kernel_initializer = (cvy_initializer)(n % 5);
        layer.bias_initializer = (cvy_initializer)(n / 5 % 5);
    }
    if (kind == CVY_LAYER_CONV2D || kind == CVY_LAYER_MAX_POOLING2D || kind == CVY_LAYER_AVERAGE_POOLING2D) {
        layer.kernel_size[0] = 1 + n % 4;
        layer.kernel_size[1] = 2;
        layer.strides[0] = 1;
        layer.strides[1] = 1 + n % 3;
        layer.same = n / 2 % 2;
    }
    if (kind == CVY_LAYER_CONV2D || kind == CVY_LAYER_DENSE || kind == CVY_LAYER_ACTIVATION)
        layer.activation = (cvy_activation_name)(n % 6);
    if (kind == CVY_LAYER_DROPOUT)
        layer.rate = n / 80.0;
    return layer;
}

TEST(every_setting_is_written) {
    static const cvy_layer_kind kinds[] = {CVY_LAYER_INPUT,   CVY_LAYER_RESCALING,     CVY_LAYER_CONV2D,
                                           CVY_LAYER_DROPOUT, CVY_LAYER_MAX_POOLING2D, CVY_LAYER_AVERAGE_POOLING2D,
                                           CVY_LAYER_FLATTEN, CVY_LAYER_ACTIVATION,    CVY_LAYER_DENSE};
    for (int n = 0; n < 2 * 6 * 5; n++) {
        cvy_status status = {0};
        cvy_network *network = cvy_network_new(n % 2 ? "odd \303\266 name" : NULL, n % 3 == 0, &status);
        for (size_t i = 0; i < COUNT(kinds); i++) {
            cvy_layer layer = varied(kinds[i], n + (int)i);
            cvy_network_add(network, &layer, &status);
        }
        expect_ok(&status);
        expect_round_trip(network);
        cvy_network_free(network);
    }
}

TEST(what_cannot_be_written_is_an_error) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(NULL, false, &status);
    assert_null(cvy_network_to_json(network, &status));
    expect_error(&status, CVY_FAILED, "functional", "no layers");
    status = (cvy_status){0};
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT);
    input.output = (cvy_shape){1, 1, 1, 4};
    strcpy(input.name, "no UTF-8: \377");
    assert_true(cvy_network_add(network, &input, &status));
    assert_null(cvy_network_to_json(network, &status));
    expect_error(&status, CVY_FAILED, "functional", "a name is no UTF-8");
    cvy_network_free(network);
}

/* ---- Files that are no model ------------------------------------------------------------------------------------- */

TEST(bad_files_are_named) {
    cvy_status status = {0};
    const char *path = write_file("bad.json", "{\"class_name\":\n 7,}", 18);
    assert_null(cvy_network_from_json_file(path, &status));
    expect_error(&status, CVY_FAILED, path, "line 2");
    status = (cvy_status){0};
    assert_null(cvy_network_from(path_of("none.json"), &status));
    expect_error(&status, CVY_FAILED, "none.json", "no such file");
    status = (cvy_status){0};
    assert_null(cvy_network_from_json_file(path_of("none.json"), &status));
    expect_error(&status, CVY_FAILED, "none.json", "no such file");
    status = (cvy_status){0};
    assert_null(cvy_network_from_json_file(directory, &status));
    expect_error(&status, CVY_FAILED, directory, "cannot read");
    status = (cvy_status){0};
    assert_null(read_text("[1, 2]", &status));
    expect_error(&status, CVY_FAILED, "model.json", "[1,2], expected an object");
    status = (cvy_status){0};
    assert_null(read_text("{\"a\": 1, \"a\": 2}", &status));
    expect_error(&status, CVY_FAILED, "model.json", "duplicate");
}

TEST(long_files_are_refused) {
    size_t size = (4 << 20) + 1;
    char *spaces = malloc(size);
    memset(spaces, ' ', size);
    cvy_status status = {0};
    const char *path = write_file("long.json", spaces, size);
    assert_null(cvy_network_from_json_file(path, &status));
    expect_error(&status, CVY_FAILED, path, "more than 4194304 bytes");
    free(spaces);
}

TEST(messages_hold_no_control_characters) {
    json_t *model = load("everything");
    json_object_set_new(json_object_get(layer_named(model, "dense"), "config"), "\033[2J", json_true());
    cvy_status status = {0};
    assert_null(read_model(model, &status));
    expect_error(&status, CVY_FAILED, "layer \"dense\", ?[2J", "not known");
    model = load("everything");
    json_object_set_new(json_object_get(layer_named(model, "dense"), "config"), "name", json_string("\033c"));
    status = (cvy_status){0};
    assert_null(read_model(model, &status));
    expect_error(&status, CVY_FAILED, "model.json: layer name", "\"?c\" holds a control character");
    status = (cvy_status){0};
    assert_null(read_text("{\"a\": \033[2J}", &status));
    expect_error(&status, CVY_FAILED, "model.json", "line 1, column 7: invalid token near '?'");
}

/* Every prefix of a file is an error, and no crash. */
TEST(cut_files_are_errors) {
    json_t *model = load("mlp");
    char *text = json_dumps(model, JSON_COMPACT);
    for (size_t length = 0; length < strlen(text); length++) {
        cvy_status status = {0};
        char *prefix = malloc(length + 1); /* no byte beyond it, should one be read */
        memcpy(prefix, text, length);
        assert_null(cvy_network_from_json(prefix, length, "model.json", &status));
        expect_error(&status, CVY_FAILED, "model.json", "line 1");
        free(prefix);
    }
    free(text);
    json_decref(model);
}

static int replaced;

/* Replaces every value below `value`, one at a time, and reads the whole. Whatever comes out, it is a network or an
 * error that names the file. */
static void replace_everywhere(json_t *whole, json_t *value, json_t *by) {
    const char *key;
    json_t *child;
    void *next;
    json_object_foreach_safe(value, next, key, child) {
        json_incref(child);
        json_object_set(value, key, by);
        cvy_status status = {0};
        cvy_network *network = read_model(json_incref(whole), &status);
        if (!network)
            expect_error(&status, CVY_FAILED, "model.json", "");
        cvy_network_free(network);
        json_object_set_new(value, key, child);
        replaced++;
        replace_everywhere(whole, child, by);
    }
    size_t i;
    json_array_foreach(value, i, child) {
        replace_everywhere(whole, child, by);
    }
}

TEST(any_value_anywhere_is_survived) {
    static const char *const values[] = {"null",  "true", "-1", "1",      "9223372036854775807",
                                         "1e300", "\"\"", "[]", "[[[]]]", "{}"};
    replaced = 0;
    for (size_t i = 0; i < COUNT(values); i++) {
        json_t *model = load("lesson"), *by = parse(values[i]);
        replace_everywhere(model, model, by);
        json_decref(model);
        json_decref(by);
    }
    assert_true(replaced > 2000);
}

RUN_TESTS("network_json", make_directory, remove_directory)
