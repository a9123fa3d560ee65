/* Reads Keras's model.to_json() into a network. This file reads the model, keras_layer.c the layers.
 *
 * compile_config, how the model is trained, is no part of a network. build_config holds shapes, which follow from the
 * layers.
 */
#include "../base/file.h"
#include "../base/json.h"
#include "keras_layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 4 << 20 }; /* bytes: a thousand layers fill one megabyte */

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

/* Records an error outside of a layer. Returns false. */
static bool refuse_model(const char *key, const json_t *value, const char *expected, cvy_status *status) {
    char found[CVY_QUOTE_MAX];
    cvy_json_quote(value, found);
    return cvy_fail(status, CVY_FAILED, key, "%s, expected %s", value ? found : "missing", expected);
}

/* Puts the file before the place of the error. */
static void name_origin(const char *origin, cvy_status *status) {
    char where[sizeof status->where];
    snprintf(where, sizeof where, "%.255s%s%.250s", origin, *status->where ? ": " : "", status->where);
    memcpy(status->where, where, sizeof where);
}

static const char *const model_envelope[] = {"module",          "class_name",   "config",
                                             "registered_name", "build_config", "compile_config",
                                             "keras_version",   "backend",      NULL};

static const char *const functional_config[] = {"name",         "trainable",     "dtype", "layers",
                                                "input_layers", "output_layers", NULL};

static const char *const sequential_config[] = {"name", "trainable", "dtype", "layers", "build_input_shape", NULL};

/* ---- The chain of a Functional model ---------------------------------------------------------------------------- */

/* The key of the first argument of a layer's call that is not its default; NULL if there is none. Keras writes
 * "training": false for a plain call of Dropout. */
static const char *argument(json_t *kwargs) {
    const char *name;
    json_t *value;
    json_object_foreach(kwargs, name, value) {
        if (!json_is_null(value) && !(json_is_false(value) && !strcmp(name, "training")))
            return name;
    }
    return NULL;
}

/* ["name", 0, 0]: the first output of the first call of a layer. Keras 2 adds a fourth, the call's arguments. */
static const char *tensor_source(const json_t *history) {
    size_t size = json_array_size(history);
    const json_t *node = json_array_get(history, 1), *tensor = json_array_get(history, 2);
    json_t *arguments = json_array_get(history, 3);
    bool plain = (size == 3 || (size == 4 && json_is_object(arguments) && !argument(arguments))) &&
                 json_is_integer(node) && json_integer_value(node) == 0 && json_is_integer(tensor) &&
                 json_integer_value(tensor) == 0;
    return plain ? json_string_value(json_array_get(history, 0)) : NULL;
}

/* The layer whose output is the only input of a node; NULL if the node is no call on one tensor. */
static const char *node_source(const json_t *node) {
    if (json_is_array(node)) /* Keras 2: [["name", 0, 0, {}]] */
        return json_array_size(node) == 1 ? tensor_source(json_array_get(node, 0)) : NULL;
    const json_t *arguments = json_object_get(node, "args");
    const json_t *tensor = json_object_get(json_array_get(arguments, 0), "config");
    return json_array_size(arguments) == 1 ? tensor_source(json_object_get(tensor, "keras_history")) : NULL;
}

/* A layer of a chain is called once, on the output of the layer before it. */
static bool check_link(const cvy_network *network, const json_t *object, const cvy_layer *layer, cvy_status *status) {
    const json_t *outer = json_object_get(object, "name"), *nodes = json_object_get(object, "inbound_nodes");
    if (outer && !(json_is_string(outer) && !strcmp(json_string_value(outer), layer->name)))
        return cvy_json_refuse(layer, "name", outer, "the same name as in its config", status);
    if (network->count == 0)
        return !json_array_size(nodes) || cvy_json_refuse(layer, "inbound_nodes", nodes, "none for the input", status);
    if (layer->kind == CVY_LAYER_INPUT)
        return true; /* a second one: cvy_network_add refuses it */
    if (json_array_size(nodes) != 1)
        return cvy_layer_fail(status, layer->name, "inbound_nodes",
                              "%zu, expected one: the layer must be called once, in a chain", json_array_size(nodes));
    const json_t *node = json_array_get(nodes, 0);
    json_t *kwargs = json_object_get(node, "kwargs");
    if (argument(kwargs))
        return cvy_json_refuse(layer, "inbound_nodes, kwargs", kwargs, "a call without arguments", status);
    const char *source = node_source(node);
    if (!source)
        return cvy_json_refuse(layer, "inbound_nodes", nodes, "a call on one tensor without arguments", status);
    const char *before = network->layers[network->count - 1].name;
    if (strcmp(source, before))
        return cvy_layer_fail(status, layer->name, "inbound_nodes",
                              "takes \"%s\", expected \"%s\", the layer before it: only chains are supported", source,
                              before);
    return true;
}

/* input_layers and output_layers: ["name", 0, 0], or a list of one such. */
static bool check_end(json_t *config, const char *key, const char *name, const char *place, cvy_status *status) {
    const json_t *ends = json_object_get(config, key), *end = ends;
    if (json_is_array(json_array_get(ends, 0)) && json_array_size(ends) == 1)
        end = json_array_get(ends, 0);
    const char *found = tensor_source(end);
    if (found && !strcmp(found, name))
        return true;
    char expected[CVY_NAME_MAX + 64];
    snprintf(expected, sizeof expected, "\"%s\", the %s layer of the chain, alone", name, place);
    return refuse_model(key, ends, expected, status);
}

/* ---- A model ---------------------------------------------------------------------------------------------------- */

/* A Sequential of Keras 2 may have its input's shape in its first layer, or only in build_input_shape. */
static bool add_implied_input(cvy_network *network, const json_t *object, const json_t *config, cvy_status *status) {
    const json_t *first = json_object_get(object, "config");
    const char *class_name = json_string_value(json_object_get(object, "class_name"));
    if (class_name && !strcmp(class_name, "InputLayer"))
        return true;
    json_t *in_layer = json_object_get(first, "batch_input_shape");
    json_t *shape = in_layer ? in_layer : json_object_get(config, "build_input_shape");
    if (!shape)
        return cvy_fail(status, CVY_FAILED, "layers", "no input shape: the model must begin with an Input");
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT);
    return cvy_network_name_layer(network, &input, NULL, status) &&
           cvy_json_batch_shape(in_layer ? "batch_input_shape" : "build_input_shape", shape, &input, status) &&
           cvy_network_add(network, &input, status);
}

static bool add_layers(cvy_network *network, json_t *config, cvy_status *status) {
    json_t *layers = json_object_get(config, "layers"), *object;
    if (!json_array_size(layers))
        return refuse_model("layers", layers, "a list of layers", status);
    if (network->sequential && !add_implied_input(network, json_array_get(layers, 0), config, status))
        return false;
    size_t i;
    json_array_foreach(layers, i, object) {
        cvy_layer layer;
        if (!cvy_json_layer(network, object, &layer, status) ||
            (!network->sequential && !check_link(network, object, &layer, status)) ||
            !cvy_network_add(network, &layer, status))
            return false;
    }
    return network->sequential ||
           (check_end(config, "input_layers", network->layers[0].name, "first", status) &&
            check_end(config, "output_layers", network->layers[network->count - 1].name, "last", status));
}

static bool check_model(json_t *model, bool *sequential, cvy_status *status) {
    if (!json_is_object(model))
        return refuse_model("", model, "an object, Keras's model.to_json()", status);
    const json_t *class_name = json_object_get(model, "class_name");
    const char *name = json_is_string(class_name) ? json_string_value(class_name) : "";
    *sequential = !strcmp(name, "Sequential");
    bool functional = !strcmp(name, "Functional") || !strcmp(name, "Model"); /* the latter in early Keras 2 */
    if ((!*sequential && !functional) || !cvy_json_is_keras(model))
        return refuse_model("class_name", class_name, "Keras's \"Sequential\" or \"Functional\"", status);
    json_t *config = json_object_get(model, "config");
    if (!json_is_object(config))
        return refuse_model("config", config, "an object", status);
    const char *unknown = cvy_json_unlisted_key(model, model_envelope);
    if (!unknown)
        unknown = cvy_json_unlisted_key(config, *sequential ? sequential_config : functional_config);
    return !unknown || cvy_fail(status, CVY_FAILED, unknown, "a key that is not known");
}

/* The settings of the model as a whole. */
static bool check_settings(json_t *config, cvy_status *status) {
    const json_t *trainable = json_object_get(config, "trainable"), *name = json_object_get(config, "name");
    const json_t *dtype = json_object_get(config, "dtype");
    if (trainable && !json_is_true(trainable))
        return refuse_model("trainable", trainable, "true: frozen models are not supported", status);
    if (name && !json_is_string(name))
        return refuse_model("name", name, "a string", status);
    if (dtype && !cvy_json_is_float32(dtype))
        return refuse_model("dtype", dtype, "float32", status);
    return true;
}

static cvy_network *read_model(json_t *model, cvy_status *status) {
    bool sequential = false;
    if (!check_model(model, &sequential, status))
        return NULL;
    json_t *config = json_object_get(model, "config");
    if (!check_settings(config, status))
        return NULL;
    cvy_network *network = cvy_network_new(json_string_value(json_object_get(config, "name")), sequential, status);
    if (network && add_layers(network, config, status))
        return network;
    cvy_network_free(network);
    return NULL;
}

cvy_network *cvy_network_from_json(const char *text, size_t length, const char *origin, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    json_error_t error;
    json_t *model = cvy_json_load(text, length, &error);
    cvy_network *network = NULL;
    if (model)
        network = read_model(model, status);
    else if (*error.text)
        cvy_fail(status, CVY_FAILED, "", "line %d, column %d: %s", error.line, error.column, error.text);
    else
        cvy_fail(status, CVY_FAILED, "", "out of memory"); /* the only failure of jansson without a text */
    if (!network)
        name_origin(origin, status);
    json_decref(model);
    return network;
}

cvy_network *cvy_network_from_json_file(const char *path, char **description, cvy_status *status) {
    size_t length;
    char *text = cvy_file_read_text(path, MAX_FILE, "description of a network", &length, status);
    if (!text)
        return NULL;
    cvy_network *network = cvy_network_from_json(text, length, path, status);
    if (network && description)
        *description = text;
    else
        free(text);
    return network;
}
