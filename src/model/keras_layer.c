/* One layer of Keras's model.to_json().
 *
 * No key that changes the result is ignored. For every class of layer a table names each key that Keras writes into its
 * config and the function that reads it. Many of these functions accept only the one value that this engine computes. A
 * key that is in no table is an error.
 */
#include "keras_layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/number.h"

/* ---- Common to all objects of the file -------------------------------------------------------------------------- */

void cvy_json_quote(const json_t *value, char text[CVY_QUOTE_MAX]) {
    json_t *shown = json_copy((json_t *)value); /* not deep */
    if (json_object_get(shown, "class_name")) { /* what says most comes first: the class and its config */
        json_object_del(shown, "module");
        json_object_del(shown, "registered_name");
    }
    char *dump = cvy_json_dump(shown, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT | JSON_REAL_PRECISION(9));
    int length = snprintf(text, CVY_QUOTE_MAX, "%s", dump ? dump : "a value");
    if (length >= CVY_QUOTE_MAX)
        strcpy(text + CVY_QUOTE_MAX - 4, "...");
    free(dump);
    json_decref(shown);
}

bool cvy_json_is_keras(const json_t *object) {
    const json_t *module = json_object_get(object, "module"), *registered = json_object_get(object, "registered_name");
    const char *name = json_string_value(module),
               *class_name = json_string_value(json_object_get(object, "class_name"));
    bool own =
        !module || json_is_null(module) || (name && !strncmp(name, "keras", 5) && (name[5] == '.' || name[5] == '\0'));
    bool plain = !registered || json_is_null(registered) ||
                 (class_name && json_is_string(registered) && !strcmp(json_string_value(registered), class_name));
    return own && plain;
}

bool cvy_json_is_float32(const json_t *dtype) {
    const json_t *name = dtype;
    if (json_is_object(dtype))
        name = json_object_get(json_object_get(dtype, "config"), "name");
    const char *text = json_string_value(name);
    return json_is_null(dtype) || (text && !strcmp(text, "float32"));
}

static bool listed(const char *const *names, const char *name) {
    for (; *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

void cvy_json_refuse_unlisted(json_t *object, const char *const *names, const char *layer, cvy_refusals *refusals) {
    static const char what[] = "a key that is not known";
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        if (listed(names, name))
            continue;
        if (layer)
            cvy_layer_refuse(refusals, layer, name, what);
        else
            cvy_refuse(refusals, name, NULL, what);
    }
}

static void layer_place(char where[static 256], const char *layer, const char *field) {
    snprintf(where, 256, "layer \"%.100s\", %.140s", layer, field);
}

bool cvy_layer_refuse(cvy_refusals *refusals, const char *layer, const char *field, const char *what, ...) {
    char where[256], text[512];
    layer_place(where, layer, field);
    va_list arguments;
    va_start(arguments, what);
    cvy_format(text, sizeof text, what, arguments);
    va_end(arguments);
    return cvy_refuse(refusals, where, NULL, "%s", text);
}

bool cvy_json_refuse(const cvy_layer *layer, const char *key, const json_t *value, const char *expected,
                     cvy_refusals *refusals) {
    char found[CVY_QUOTE_MAX];
    cvy_json_quote(value, found);
    return cvy_layer_refuse(refusals, layer->name, key, "%s, expected %s", found, expected);
}

/* The same for a field with few values. */
static bool refuse_choice(const cvy_layer *layer, const char *key, const json_t *value, const cvy_choices *choices,
                          cvy_refusals *refusals) {
    char where[256], found[CVY_QUOTE_MAX];
    layer_place(where, layer->name, key);
    cvy_json_quote(value, found);
    return cvy_refuse(refusals, where, choices, "%s", found);
}

/* ---- Values that many tables share ------------------------------------------------------------------------------ */

/* A key of a layer's config. */
typedef struct setting setting;
typedef bool read_fn(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals);

struct setting {
    const char *name; /* NULL ends a table */
    read_fn *read;
    size_t offset; /* of the field in the layer that is set */
    bool required;
    bool shapes;         /* the layer's output depends on it */
    const setting *more; /* at a table's end: the next table, or NULL */
};

static void *field_of(const setting *key, cvy_layer *layer) {
    return (char *)layer + key->offset;
}

/* For a key that is read elsewhere. */
static bool pass(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    (void)key, (void)value, (void)layer, (void)refusals;
    return true;
}

static bool only_string(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    return json_is_string(value) || cvy_json_refuse(layer, key->name, value, "a string", refusals);
}

static bool only_null(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    return json_is_null(value) || cvy_json_refuse(layer, key->name, value, "null: it is not supported", refusals);
}

static bool only_true(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    return json_is_true(value) ||
           cvy_json_refuse(layer, key->name, value, "true: frozen layers are not supported", refusals);
}

static bool only_false(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    return json_is_false(value) || json_is_null(value) || cvy_json_refuse(layer, key->name, value, "false", refusals);
}

static bool is_one(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) == 1;
}

/* 1 or [1, 1] */
static bool only_one(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    size_t i, ones = 0;
    json_t *element;
    json_array_foreach(value, i, element) {
        ones += is_one(element);
    }
    return is_one(value) || (json_array_size(value) && ones == json_array_size(value)) ||
           cvy_json_refuse(layer, key->name, value, "1: more is not supported", refusals);
}

static bool only_channels_last(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    const char *text = json_string_value(value);
    return json_is_null(value) || (text && !strcmp(text, "channels_last")) ||
           cvy_json_refuse(layer, key->name, value, "\"channels_last\"", refusals);
}

static bool only_float32(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    return cvy_json_is_float32(value) || cvy_json_refuse(layer, key->name, value, "float32", refusals);
}

static bool read_integer(const json_t *value, int *integer) {
    json_int_t wide = json_integer_value(value);
    if (!json_is_integer(value) || wide < 1 || wide > INT32_MAX)
        return false;
    *integer = (int)wide;
    return true;
}

/* ---- Readers of one setting ------------------------------------------------------------------------------------- */

/* n, or [height, width] */
static bool read_pair(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    int *pair = field_of(key, layer);
    bool good;
    if (json_is_array(value))
        good = json_array_size(value) == 2 && read_integer(json_array_get(value, 0), &pair[0]) &&
               read_integer(json_array_get(value, 1), &pair[1]);
    else if ((good = read_integer(value, &pair[0])))
        pair[1] = pair[0];
    return good || cvy_json_refuse(layer, key->name, value, "an integer of at least 1, or two", refusals);
}

/* Strides of pooling: null stands for the pool size. */
static bool read_pair_or_null(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    return json_is_null(value) || read_pair(key, value, layer, refusals);
}

static bool read_padding(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    const char *text = json_string_value(value);
    layer->same = text && !strcmp(text, "same");
    return layer->same || (text && !strcmp(text, "valid")) ||
           cvy_json_refuse(layer, key->name, value, "\"valid\" or \"same\"", refusals);
}

static bool read_units(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    return read_integer(value, &layer->units) ||
           cvy_json_refuse(layer, key->name, value, "an integer of at least 1", refusals);
}

static bool read_use_bias(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    layer->use_bias = json_is_true(value);
    return json_is_boolean(value) || cvy_json_refuse(layer, key->name, value, "true or false", refusals);
}

static bool read_number(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    *(double *)field_of(key, layer) = json_number_value(value);
    return json_is_number(value) || cvy_json_refuse(layer, key->name, value, "a number", refusals);
}

/* A name; null is linear. */
static bool read_activation(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    if (json_is_null(value))
        return true;
    const char *name = json_string_value(value);
    return (name && cvy_activation_from_name(name, &layer->activation)) ||
           refuse_choice(layer, key->name, value, &cvy_activation_choices, refusals);
}

/* A name, or an object whose config holds nothing but nulls: a seed would ask for Keras's own random numbers, axes for
 * other fans. */
static bool read_initializer(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    const char *name = json_string_value(json_is_object(value) ? json_object_get(value, "class_name") : value);
    if (!name || !cvy_initializer_from_name(name, field_of(key, layer)))
        return refuse_choice(layer, key->name, value, &cvy_initializer_choices, refusals);
    if (json_is_object(value) && !cvy_json_is_keras(value))
        return cvy_json_refuse(layer, key->name, json_object_get(value, "registered_name"),
                               "an initializer of Keras's own", refusals);
    const char *setting_name;
    json_t *found;
    json_object_foreach(json_object_get(value, "config"), setting_name, found) {
        if (!json_is_null(found)) {
            char field[128];
            snprintf(field, sizeof field, "%s, %.60s", key->name, setting_name);
            return cvy_json_refuse(layer, field, found, "null", refusals);
        }
    }
    return true;
}

bool cvy_json_batch_shape(const char *key, const json_t *value, cvy_layer *input, cvy_refusals *refusals) {
    size_t rank = json_array_size(value);
    cvy_shape *shape = &input->output;
    *shape = (cvy_shape){(int)rank - 1, 1, 1, 1};
    bool good = json_is_null(json_array_get(value, 0));
    if (rank == 4)
        good = good && read_integer(json_array_get(value, 1), &shape->height) &&
               read_integer(json_array_get(value, 2), &shape->width);
    good = good && (rank == 2 || rank == 4) && read_integer(json_array_get(value, rank - 1), &shape->channels);
    return good || cvy_json_refuse(input, key, value, "[null, height, width, channels] or [null, features]", refusals);
}

static bool read_batch_shape(const setting *key, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    return cvy_json_batch_shape(key->name, value, layer, refusals);
}

/* ---- The tables ------------------------------------------------------------------------------------------------- */

#define OF(field) offsetof(cvy_layer, field)

/* In the config of every layer. batch_input_shape is in the first layer of a Keras 2 Sequential. */
static const setting common_keys[] = {
    {"name", only_string}, {"trainable", only_true}, {"dtype", only_float32}, {"batch_input_shape", pass}, {NULL},
};

/* In the config of every layer with weights. */
static const setting weights_keys[] = {
    {"activation", read_activation},
    {"use_bias", read_use_bias},
    {"kernel_initializer", read_initializer, OF(kernel_initializer)},
    {"bias_initializer", read_initializer, OF(bias_initializer)},
    {"kernel_regularizer", only_null},
    {"bias_regularizer", only_null},
    {"activity_regularizer", only_null},
    {"kernel_constraint", only_null},
    {"bias_constraint", only_null},
    {"quantization_config", only_null},
    {.more = common_keys},
};

static const setting input_keys[] = {
    {"batch_shape", read_batch_shape, .shapes = true},
    {"batch_input_shape", read_batch_shape, .shapes = true}, /* Keras 2 */
    {"sparse", only_false},
    {"ragged", only_false},
    {"optional", only_false},
    {.more = common_keys},
};

static const setting rescaling_keys[] = {
    {"scale", read_number, OF(scale), true},
    {"offset", read_number, OF(offset)},
    {.more = common_keys},
};

static const setting conv2d_keys[] = {
    {"filters", read_units, .required = true, .shapes = true},
    {"kernel_size", read_pair, OF(kernel_size), true, true},
    {"strides", read_pair, OF(strides), .shapes = true},
    {"padding", read_padding, .shapes = true},
    {"data_format", only_channels_last, .shapes = true},
    {"dilation_rate", only_one, .shapes = true},
    {"groups", only_one},
    {.more = weights_keys},
};

static const setting pooling_keys[] = {
    {"pool_size", read_pair, OF(kernel_size), true, true},
    {"strides", read_pair_or_null, OF(strides), .shapes = true},
    {"padding", read_padding, .shapes = true},
    {"data_format", only_channels_last, .shapes = true},
    {.more = common_keys},
};

static const setting flatten_keys[] = {{"data_format", only_channels_last, .shapes = true}, {.more = common_keys}};

static const setting dense_keys[] = {{"units", read_units, .required = true, .shapes = true}, {.more = weights_keys}};

static const setting activation_keys[] = {{"activation", read_activation, .required = true}, {.more = common_keys}};

static const setting dropout_keys[] = {
    {"rate", read_number, OF(rate), true},
    {"seed", only_null},
    {"noise_shape", only_null},
    {.more = common_keys},
};
#undef OF

static const setting *const keys_of[] = {
    [CVY_LAYER_INPUT] = input_keys,
    [CVY_LAYER_RESCALING] = rescaling_keys,
    [CVY_LAYER_CONV2D] = conv2d_keys,
    [CVY_LAYER_MAX_POOLING2D] = pooling_keys,
    [CVY_LAYER_AVERAGE_POOLING2D] = pooling_keys,
    [CVY_LAYER_FLATTEN] = flatten_keys,
    [CVY_LAYER_DENSE] = dense_keys,
    [CVY_LAYER_ACTIVATION] = activation_keys,
    [CVY_LAYER_DROPOUT] = dropout_keys,
};

/* The keys beside the config of a layer. Not needed: build_config, which holds shapes, and shared_object_id. */
static const char *const layer_envelope[] = {
    "module", "class_name",    "config", "registered_name", "build_config", "shared_object_id",
    "name",   "inbound_nodes", NULL};

static const setting *find_key(const setting *keys, const char *name) {
    for (; keys; keys = keys->more)
        for (; keys->name; keys++)
            if (!strcmp(keys->name, name))
                return keys;
    return NULL;
}

/* ---- A layer ---------------------------------------------------------------------------------------------------- */

/* A setting that the class does not have may be one that shapes its output. */
static bool read_setting(const char *name, json_t *value, cvy_layer *layer, cvy_refusals *refusals) {
    const setting *key = find_key(keys_of[layer->kind], name);
    if (key)
        return key->read(key, value, layer, refusals) || !key->shapes;
    char found[CVY_QUOTE_MAX];
    cvy_json_quote(value, found);
    return cvy_layer_refuse(refusals, layer->name, name, "%s, a setting of %s that is not known", found,
                            cvy_layer_class(layer->kind));
}

/* Returns whether all settings are known that shape the output. */
static bool read_config(json_t *config, cvy_layer *layer, cvy_refusals *refusals) {
    bool shaped = true;
    const char *name, *class_name = cvy_layer_class(layer->kind);
    json_t *value;
    json_object_foreach(config, name, value) {
        shaped = read_setting(name, value, layer, refusals) && shaped;
    }
    for (const setting *key = keys_of[layer->kind]; key->name; key++)
        if (key->required && !json_object_get(config, key->name)) {
            cvy_layer_refuse(refusals, layer->name, key->name, "missing from %s", class_name);
            shaped = shaped && !key->shapes;
        }
    if (shaped && layer->kind == CVY_LAYER_INPUT && !layer->output.rank)
        shaped = cvy_layer_refuse(refusals, layer->name, "batch_shape", "missing from %s", class_name);
    return shaped;
}

/* Whether the layer is of a class that is supported. */
static bool read_kind(const cvy_network *network, const json_t *object, cvy_layer_kind *kind, cvy_refusals *refusals) {
    const json_t *class_name = json_object_get(object, "class_name"),
                 *name = json_object_get(json_object_get(object, "config"), "name");
    bool known = json_is_string(class_name) && cvy_layer_kind_from_class(json_string_value(class_name), kind);
    if (known && cvy_json_is_keras(object))
        return true;
    char where[CVY_NAME_MAX + 32], found[CVY_QUOTE_MAX];
    if (json_is_string(name))
        snprintf(where, sizeof where, "layer \"%.95s\", class_name", json_string_value(name));
    else
        snprintf(where, sizeof where, "layer %d, class_name", network->count);
    cvy_json_quote(known ? json_object_get(object, "registered_name") : class_name, found);
    if (known)
        return cvy_refuse(refusals, where, NULL, "%s is no class of Keras's own", found);
    return cvy_refuse(refusals, where, &cvy_layer_choices, "%s is not a class of layer that is supported", found);
}

bool cvy_json_layer(const cvy_network *network, json_t *object, cvy_layer *layer, cvy_refusals *refusals) {
    json_t *config = json_object_get(object, "config");
    const char *name = json_string_value(json_object_get(config, "name"));
    cvy_layer_kind kind = CVY_LAYER_INPUT;
    bool known = read_kind(network, object, &kind, refusals);
    *layer = cvy_layer_default(kind);
    if (!known) {
        snprintf(layer->name, sizeof layer->name, "%s", name ? name : "");
        return false;
    }
    cvy_status naming = {0};
    bool named = cvy_network_name_layer(network, layer, name, &naming);
    if (!json_is_object(config))
        return cvy_layer_refuse(refusals, layer->name, "config", "missing");
    cvy_refuse_error(refusals, &naming);
    cvy_json_refuse_unlisted(object, layer_envelope, layer->name, refusals);
    return read_config(config, layer, refusals) && named;
}
