/* Writes a network as Keras 3's model.to_json() does: the same keys, in the same order. */
#include "network_json.h"

/* json_object_set_new and its like accept NULL, so a failure anywhere below is found by counting. */
typedef struct writer {
    bool failed;
} writer;

static void put(writer *w, json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value))
        w->failed = true;
}

static void append(writer *w, json_t *array, json_t *value) {
    if (json_array_append_new(array, value))
        w->failed = true;
}

static json_t *keras_object(writer *w, const char *module, const char *class_name, json_t *config) {
    json_t *object = json_object();
    put(w, object, "module", json_string(module));
    put(w, object, "class_name", json_string(class_name));
    put(w, object, "config", config);
    put(w, object, "registered_name", json_null());
    return object;
}

/* ---- Values ----------------------------------------------------------------------------------------------------- */

/* [null, height, width, channels] or [null, features] */
static json_t *shape_array(writer *w, cvy_shape shape) {
    json_t *array = json_array();
    append(w, array, json_null());
    if (shape.rank == 3) {
        append(w, array, json_integer(shape.height));
        append(w, array, json_integer(shape.width));
    }
    append(w, array, json_integer(shape.channels));
    return array;
}

static json_t *pair(writer *w, int first, int second) {
    json_t *array = json_array();
    append(w, array, json_integer(first));
    append(w, array, json_integer(second));
    return array;
}

static json_t *input_shape(writer *w, cvy_shape shape) {
    json_t *object = json_object();
    put(w, object, "input_shape", shape_array(w, shape));
    return object;
}

static json_t *float32(writer *w) {
    json_t *config = json_object();
    put(w, config, "name", json_string("float32"));
    return keras_object(w, "keras", "DTypePolicy", config);
}

static json_t *initializer(writer *w, cvy_initializer kind) {
    json_t *config = json_object();
    if (kind != CVY_ZEROS) {
        put(w, config, "seed", json_null());
        put(w, config, "input_axes", json_null());
        put(w, config, "output_axes", json_null());
    }
    return keras_object(w, "keras.initializers", cvy_initializer_class(kind), config);
}

/* ---- The config of a layer -------------------------------------------------------------------------------------- */

static void put_nulls(writer *w, json_t *config, const char *const *names) {
    for (; *names; names++)
        put(w, config, *names, json_null());
}

static void put_padding(writer *w, json_t *config, const cvy_layer *layer) {
    put(w, config, "padding", json_string(layer->same ? "same" : "valid"));
}

static void put_channels_last(writer *w, json_t *config) {
    put(w, config, "data_format", json_string("channels_last"));
}

static void put_activation(writer *w, json_t *config, const cvy_layer *layer) {
    put(w, config, "activation", json_string(cvy_activation_to_name(layer->activation)));
}

static void put_weights(writer *w, json_t *config, const cvy_layer *layer) {
    put_activation(w, config, layer);
    put(w, config, "use_bias", json_boolean(layer->use_bias));
    put(w, config, "kernel_initializer", initializer(w, layer->kernel_initializer));
    put(w, config, "bias_initializer", initializer(w, layer->bias_initializer));
}

static void put_input(writer *w, json_t *config, const cvy_layer *layer) {
    put(w, config, "batch_shape", shape_array(w, layer->output));
    put(w, config, "dtype", json_string("float32"));
    put(w, config, "sparse", json_false());
    put(w, config, "ragged", json_false());
    put(w, config, "name", json_string(layer->name));
    put(w, config, "optional", json_false());
}

static void put_conv2d(writer *w, json_t *config, const cvy_layer *layer) {
    static const char *const none[] = {"kernel_regularizer", "bias_regularizer", "activity_regularizer",
                                       "kernel_constraint",  "bias_constraint",  NULL};
    put(w, config, "filters", json_integer(layer->units));
    put(w, config, "kernel_size", pair(w, layer->kernel_size[0], layer->kernel_size[1]));
    put(w, config, "strides", pair(w, layer->strides[0], layer->strides[1]));
    put_padding(w, config, layer);
    put_channels_last(w, config);
    put(w, config, "dilation_rate", pair(w, 1, 1));
    put(w, config, "groups", json_integer(1));
    put_weights(w, config, layer);
    put_nulls(w, config, none);
}

static void put_dense(writer *w, json_t *config, const cvy_layer *layer) {
    static const char *const none[] = {"kernel_regularizer", "bias_regularizer",    "kernel_constraint",
                                       "bias_constraint",    "quantization_config", NULL};
    put(w, config, "units", json_integer(layer->units));
    put_weights(w, config, layer);
    put_nulls(w, config, none);
}

static void put_pooling(writer *w, json_t *config, const cvy_layer *layer) {
    put(w, config, "pool_size", pair(w, layer->kernel_size[0], layer->kernel_size[1]));
    put_padding(w, config, layer);
    put(w, config, "strides", pair(w, layer->strides[0], layer->strides[1]));
    put_channels_last(w, config);
}

static void put_settings(writer *w, json_t *config, const cvy_layer *layer) {
    switch (layer->kind) {
    case CVY_LAYER_INPUT:
        break;
    case CVY_LAYER_RESCALING:
        put(w, config, "scale", json_real(layer->scale));
        put(w, config, "offset", json_real(layer->offset));
        break;
    case CVY_LAYER_CONV2D:
        put_conv2d(w, config, layer);
        break;
    case CVY_LAYER_MAX_POOLING2D:
    case CVY_LAYER_AVERAGE_POOLING2D:
        put_pooling(w, config, layer);
        break;
    case CVY_LAYER_FLATTEN:
        put_channels_last(w, config);
        break;
    case CVY_LAYER_DENSE:
        put_dense(w, config, layer);
        break;
    case CVY_LAYER_ACTIVATION:
        put_activation(w, config, layer);
        break;
    case CVY_LAYER_DROPOUT:
        put(w, config, "rate", json_real(layer->rate));
        put(w, config, "seed", json_null());
        put(w, config, "noise_shape", json_null());
        break;
    }
}

static json_t *layer_config(writer *w, const cvy_layer *layer) {
    json_t *config = json_object();
    if (layer->kind == CVY_LAYER_INPUT) {
        put_input(w, config, layer);
        return config;
    }
    put(w, config, "name", json_string(layer->name));
    put(w, config, "trainable", json_true());
    put(w, config, "dtype", float32(w));
    put_settings(w, config, layer);
    return config;
}

/* ---- Layers ----------------------------------------------------------------------------------------------------- */

/* ["name", 0, 0]: the first output of the layer's first call. */
static json_t *output_of(writer *w, const cvy_layer *layer) {
    json_t *history = json_array();
    append(w, history, json_string(layer->name));
    append(w, history, json_integer(0));
    append(w, history, json_integer(0));
    return history;
}

/* The call of a Functional model's layer on the output of the layer before it. */
static json_t *call_on(writer *w, const cvy_layer *before, cvy_layer_kind kind) {
    json_t *node = json_object(), *arguments = json_array(), *tensor = json_object(), *config = json_object(),
           *kwargs = json_object();
    put(w, config, "shape", shape_array(w, before->output));
    put(w, config, "dtype", json_string("float32"));
    put(w, config, "keras_history", output_of(w, before));
    put(w, tensor, "class_name", json_string("__keras_tensor__"));
    put(w, tensor, "config", config);
    append(w, arguments, tensor);
    put(w, node, "args", arguments);
    if (kind == CVY_LAYER_DROPOUT)
        put(w, kwargs, "training", json_false());
    put(w, node, "kwargs", kwargs);
    return node;
}

/* Keras notes the input's shape of layers that define build(). */
static bool has_build_config(cvy_layer_kind kind) {
    return kind == CVY_LAYER_RESCALING || kind == CVY_LAYER_CONV2D || kind == CVY_LAYER_FLATTEN ||
           kind == CVY_LAYER_DENSE;
}

static json_t *layer_object(writer *w, const cvy_network *network, int i) {
    const cvy_layer *layer = &network->layers[i];
    json_t *object = keras_object(w, "keras.layers", cvy_layer_class(layer->kind), layer_config(w, layer));
    if (i > 0 && has_build_config(layer->kind))
        put(w, object, "build_config", input_shape(w, layer[-1].output));
    if (network->sequential)
        return object;
    json_t *nodes = json_array();
    if (i > 0)
        append(w, nodes, call_on(w, &layer[-1], layer->kind));
    put(w, object, "name", json_string(layer->name));
    put(w, object, "inbound_nodes", nodes);
    return object;
}

static json_t *layer_list(writer *w, const cvy_network *network) {
    json_t *layers = json_array();
    for (int i = 0; i < network->count; i++)
        append(w, layers, layer_object(w, network, i));
    return layers;
}

/* ---- A model ---------------------------------------------------------------------------------------------------- */

static json_t *sequential_model(writer *w, const cvy_network *network) {
    const cvy_shape shape = network->layers[0].output;
    json_t *config = json_object();
    put(w, config, "name", json_string(network->name));
    put(w, config, "trainable", json_true());
    put(w, config, "dtype", float32(w));
    put(w, config, "layers", layer_list(w, network));
    put(w, config, "build_input_shape", shape_array(w, shape));
    json_t *model = keras_object(w, "keras", "Sequential", config);
    put(w, model, "build_config", input_shape(w, shape));
    return model;
}

static json_t *functional_model(writer *w, const cvy_network *network) {
    json_t *config = json_object(), *build_config = json_object();
    put(w, config, "name", json_string(network->name));
    put(w, config, "trainable", json_true());
    put(w, config, "layers", layer_list(w, network));
    put(w, config, "input_layers", output_of(w, &network->layers[0]));
    put(w, config, "output_layers", output_of(w, &network->layers[network->count - 1]));
    json_t *model = keras_object(w, "keras.src.models.functional", "Functional", config);
    put(w, model, "registered_name", json_string("Functional"));
    put(w, build_config, "input_shape", json_null());
    put(w, model, "build_config", build_config);
    return model;
}

json_t *cvy_network_to_json(const cvy_network *network, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    if (network->count == 0) {
        cvy_fail(status, CVY_FAILED, network->name, "the model has no layers yet");
        return NULL;
    }
    writer w = {false};
    json_t *model = network->sequential ? sequential_model(&w, network) : functional_model(&w, network);
    if (!w.failed)
        return model;
    json_decref(model);
    cvy_fail(status, CVY_FAILED, network->name, "cannot be written as JSON: a name is no UTF-8, or memory is short");
    return NULL;
}
