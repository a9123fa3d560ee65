/* Reads Keras's model.to_json() into a network. This file reads the model, keras_layer.c the layers.
 *
 * compile_config, how the model is trained, is no part of a network: api/compile_config.c reads it. build_config holds
 * shapes, which follow from the layers.
 */
#include "network_json.h"
#include "../base/file.h"
#include "../base/json.h"
#include "keras_layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 4 << 20 }; /* bytes: a thousand layers fill one megabyte */

/* Adds a refusal outside of a layer. Returns false. */
static bool refuse_model(const char *key, const json_t *value, const char *expected, cvy_refusals *refusals) {
    char found[CVY_QUOTE_MAX];
    cvy_json_quote(value, found);
    return cvy_refuse(refusals, key, NULL, "%s, expected %s", value ? found : "missing", expected);
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

/* A layer of a chain is called once, on the output of the layer before it; `before` is NULL for the first. */
static void check_link(const char *before, const json_t *object, const cvy_layer *layer, cvy_refusals *refusals) {
    const json_t *outer = json_object_get(object, "name"), *nodes = json_object_get(object, "inbound_nodes");
    const json_t *node = json_array_get(nodes, 0);
    json_t *kwargs = json_object_get(node, "kwargs");
    const char *source = node_source(node);
    if (outer && !(json_is_string(outer) && !strcmp(json_string_value(outer), layer->name)))
        cvy_json_refuse(layer, "name", outer, "the same name as in its config", refusals);
    if (!before) {
        if (json_array_size(nodes))
            cvy_json_refuse(layer, "inbound_nodes", nodes, "none for the input", refusals);
    } else if (layer->kind == CVY_LAYER_INPUT) {
        return; /* a second one: cvy_network_add refuses it */
    } else if (json_array_size(nodes) != 1) {
        cvy_layer_refuse(refusals, layer->name, "inbound_nodes",
                         "%zu, expected one: the layer must be called once, in a chain", json_array_size(nodes));
    } else if (argument(kwargs)) {
        cvy_json_refuse(layer, "inbound_nodes, kwargs", kwargs, "a call without arguments", refusals);
    } else if (!source) {
        cvy_json_refuse(layer, "inbound_nodes", nodes, "a call on one tensor without arguments", refusals);
    } else if (strcmp(source, before) != 0) {
        cvy_layer_refuse(refusals, layer->name, "inbound_nodes",
                         "takes \"%s\", expected \"%s\", the layer before it: only chains are supported", source,
                         before);
    }
}

/* input_layers and output_layers: ["name", 0, 0], or a list of one such. */
static void check_end(json_t *config, const char *key, const char *name, const char *place, cvy_refusals *refusals) {
    const json_t *ends = json_object_get(config, key), *end = ends;
    if (json_is_array(json_array_get(ends, 0)) && json_array_size(ends) == 1)
        end = json_array_get(ends, 0);
    const char *found = tensor_source(end);
    if (found && !strcmp(found, name))
        return;
    char expected[CVY_NAME_MAX + 64];
    snprintf(expected, sizeof expected, "\"%s\", the %s layer of the chain, alone", name, place);
    refuse_model(key, ends, expected, refusals);
}

/* ---- A model ---------------------------------------------------------------------------------------------------- */

/* A Sequential of Keras 2 may have its input's shape in its first layer, or only in build_input_shape. Returns whether
 * the shape is known then. */
static bool add_implied_input(cvy_network *network, const json_t *object, const json_t *config,
                              cvy_refusals *refusals) {
    const json_t *first = json_object_get(object, "config");
    const char *class_name = json_string_value(json_object_get(object, "class_name"));
    if (class_name && !strcmp(class_name, "InputLayer"))
        return true;
    json_t *in_layer = json_object_get(first, "batch_input_shape");
    json_t *shape = in_layer ? in_layer : json_object_get(config, "build_input_shape");
    if (!shape)
        return cvy_refuse(refusals, "layers", NULL, "no input shape: the model must begin with an Input");
    cvy_status status = {0};
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT);
    if (!cvy_network_name_layer(network, &input, NULL, &status) ||
        !cvy_json_batch_shape(in_layer ? "batch_input_shape" : "build_input_shape", shape, &input, refusals))
        return false;
    cvy_network_add(network, &input, &status);
    return cvy_refuse_error(refusals, &status);
}

/* Where the shape before a layer is not known, because a layer was refused, its settings are checked all the same. */
static bool add_layer(cvy_network *network, cvy_layer *layer, bool shaped, cvy_refusals *refusals) {
    cvy_status status = {0};
    if (shaped)
        cvy_network_add(network, layer, &status);
    else
        cvy_layer_check(layer, &status);
    return cvy_refuse_error(refusals, &status) && shaped;
}

static void add_layers(cvy_network *network, json_t *config, cvy_refusals *refusals) {
    json_t *layers = json_object_get(config, "layers"), *object;
    char first[CVY_NAME_MAX] = "", before[CVY_NAME_MAX] = "";
    bool shaped = !network->sequential || add_implied_input(network, json_array_get(layers, 0), config, refusals);
    size_t i;
    json_array_foreach(layers, i, object) {
        cvy_layer layer;
        bool known = cvy_json_layer(network, object, &layer, refusals);
        if (known && !network->sequential)
            check_link(i ? before : NULL, object, &layer, refusals);
        shaped = known && add_layer(network, &layer, shaped, refusals);
        memcpy(before, layer.name, sizeof before);
        if (i == 0)
            memcpy(first, before, sizeof first);
    }
    if (!network->sequential && !refusals->count) {
        check_end(config, "input_layers", first, "first", refusals);
        check_end(config, "output_layers", before, "last", refusals);
    }
}

/* What must be right before anything else makes sense. */
static bool check_structure(json_t *model, bool *sequential, cvy_refusals *refusals) {
    if (!json_is_object(model))
        return refuse_model("", model, "an object, Keras's model.to_json()", refusals);
    const json_t *class_name = json_object_get(model, "class_name"), *config = json_object_get(model, "config");
    const char *name = json_is_string(class_name) ? json_string_value(class_name) : "";
    *sequential = !strcmp(name, "Sequential");
    bool functional = !strcmp(name, "Functional") || !strcmp(name, "Model"); /* the latter in early Keras 2 */
    if ((!*sequential && !functional) || !cvy_json_is_keras(model))
        return refuse_model("class_name", class_name, "Keras's \"Sequential\" or \"Functional\"", refusals);
    if (!json_is_object(config))
        return refuse_model("config", config, "an object", refusals);
    const json_t *layers = json_object_get(config, "layers");
    return json_array_size(layers) || refuse_model("layers", layers, "a list of layers", refusals);
}

/* The settings of the model as a whole. */
static void check_settings(json_t *config, cvy_refusals *refusals) {
    const json_t *trainable = json_object_get(config, "trainable"), *name = json_object_get(config, "name");
    const json_t *dtype = json_object_get(config, "dtype");
    if (trainable && !json_is_true(trainable))
        refuse_model("trainable", trainable, "true: frozen models are not supported", refusals);
    if (name && !json_is_string(name))
        refuse_model("name", name, "a string", refusals);
    if (dtype && !cvy_json_is_float32(dtype))
        refuse_model("dtype", dtype, "float32", refusals);
}

cvy_network *cvy_network_from_object(json_t *model, cvy_refusals *refusals) {
    bool sequential = false;
    if (!check_structure(model, &sequential, refusals))
        return NULL;
    json_t *config = json_object_get(model, "config");
    cvy_json_refuse_unlisted(model, model_envelope, NULL, refusals);
    cvy_json_refuse_unlisted(config, sequential ? sequential_config : functional_config, NULL, refusals);
    check_settings(config, refusals);
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(json_string_value(json_object_get(config, "name")), sequential, &status);
    cvy_refuse_error(refusals, &status);
    if (network)
        add_layers(network, config, refusals);
    if (refusals->count == 0)
        return network;
    cvy_network_free(network);
    return NULL;
}

/* ---- Texts and files -------------------------------------------------------------------------------------------- */

json_t *cvy_json_parse(const char *text, size_t length, const char *origin, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    json_error_t error;
    json_t *value = cvy_json_load(text, length, &error);
    cvy_refusals refusals = {0};
    if (!value && *error.text)
        cvy_refuse(&refusals, "", NULL, "line %d, column %d: %s", error.line, error.column, error.text);
    else if (!value)
        cvy_refuse(&refusals, "", NULL, "out of memory"); /* the only failure of jansson without a text */
    cvy_refusals_report(&refusals, origin, status);
    return value;
}

cvy_network *cvy_network_from_json(const char *text, size_t length, const char *origin, cvy_status *status) {
    json_t *model = cvy_json_parse(text, length, origin, status);
    cvy_refusals refusals = {0};
    cvy_network *network = model ? cvy_network_from_object(model, &refusals) : NULL;
    cvy_refusals_report(&refusals, origin, status);
    json_decref(model);
    return network;
}

char *cvy_network_read_text(const char *path, size_t *length, cvy_status *status) {
    if (cvy_ok(status) && access(path, F_OK))
        cvy_fail(status, CVY_FAILED, path, "no such file, nor a built-in network (lesson, lesson-avg, lenet5)");
    return cvy_file_read_text(path, MAX_FILE, "description of a network", length, status);
}

cvy_network *cvy_network_from_json_file(const char *path, cvy_status *status) {
    size_t length;
    char *text = cvy_network_read_text(path, &length, status);
    cvy_network *network = text ? cvy_network_from_json(text, length, path, status) : NULL;
    free(text);
    return network;
}
