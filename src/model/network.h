/* A network as described: a chain of layers with their settings and output shapes. No weights, no memory plan. */
#ifndef CVY_NETWORK_H
#define CVY_NETWORK_H

#include "../base/refusals.h"

enum { CVY_NAME_MAX = 96 };

typedef enum cvy_layer_kind {
    CVY_LAYER_INPUT,
    CVY_LAYER_RESCALING,
    CVY_LAYER_CONV2D,
    CVY_LAYER_MAX_POOLING2D,
    CVY_LAYER_AVERAGE_POOLING2D,
    CVY_LAYER_FLATTEN,
    CVY_LAYER_DENSE,
    CVY_LAYER_ACTIVATION,
    CVY_LAYER_DROPOUT,
} cvy_layer_kind;

typedef enum cvy_activation_name {
    CVY_LINEAR,
    CVY_RELU,
    CVY_SILU,
    CVY_SIGMOID,
    CVY_TANH,
    CVY_SOFTMAX,
} cvy_activation_name;

typedef enum cvy_initializer {
    CVY_GLOROT_UNIFORM,
    CVY_GLOROT_NORMAL,
    CVY_HE_UNIFORM,
    CVY_HE_NORMAL,
    CVY_ZEROS,
} cvy_initializer;

/* The shape of one image at some layer. Rank 3: an image; rank 1: a vector of `channels`, with height = width = 1. */
typedef struct cvy_shape {
    int rank;
    int height, width, channels;
} cvy_shape;

typedef struct cvy_layer {
    cvy_layer_kind kind;
    char name[CVY_NAME_MAX];
    /* Height, width. Of pooling, kernel_size is Keras's pool_size, and strides of 0 stand for it. */
    int kernel_size[2], strides[2];
    bool same; /* padding "same"; else "valid" */
    int units; /* filters of Conv2D, units of Dense */
    bool use_bias;
    cvy_activation_name activation; /* of Conv2D, Dense, Activation */
    cvy_initializer kernel_initializer, bias_initializer;
    double scale, offset; /* Rescaling */
    double rate;          /* Dropout */
    /* Computed when the layer is added; the output of an input layer is given. */
    cvy_shape output;
    size_t parameters;
} cvy_layer;

typedef struct cvy_network {
    char name[CVY_NAME_MAX];
    bool sequential; /* Keras's Sequential: variables' paths begin with the network's name */
    int count, capacity;
    cvy_layer *layers; /* the first is the input */
} cvy_network;

/* A network without layers; NULL on an error. A name that is NULL or empty becomes Keras's "sequential" or
 * "functional". */
cvy_network *cvy_network_new(const char *name, bool sequential, cvy_status *status);

/* Frees the network and its layers. NULL does nothing. */
void cvy_network_free(cvy_network *network);

/* A layer with Keras's defaults for its kind. The caller sets what has none: units, kernel size, rate, ... */
cvy_layer cvy_layer_default(cvy_layer_kind kind);

/* Appends a layer: checks its settings against the shape before it, fills in output and parameters and, where name is
 * empty, Keras's automatic name ("conv2d", "conv2d_1", ...). Errors name the layer and the field. */
bool cvy_network_add(cvy_network *network, const cvy_layer *layer, cvy_status *status);

/* Gives the layer `name`, or its automatic name in this network if `name` is NULL or empty. For callers that name the
 * layer in their own errors before they add it. */
bool cvy_network_name_layer(const cvy_network *network, cvy_layer *layer, const char *name, cvy_status *status);

/* Checks the settings of a layer that do not depend on the shape before it, and gives pooling its strides. */
bool cvy_layer_check(cvy_layer *layer, cvy_status *status);

/* Records an error whose `where` is: layer "NAME", FIELD. Returns false. */
bool cvy_layer_fail(cvy_status *status, const char *layer, const char *field, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* Reads Keras's model.to_json(): Sequential, or a Functional chain. Settings that would change the result and are not
 * supported are an error that names `origin` (the file), and each with its layer and field. NULL on an error. */
cvy_network *cvy_network_from_json(const char *text, size_t length, const char *origin, cvy_status *status);

/* The same from a file. */
cvy_network *cvy_network_from_json_file(const char *path, cvy_status *status);

/* The text of a file that should hold a network; the caller frees it. NULL on an error. */
char *cvy_network_read_text(const char *path, size_t *length, cvy_status *status);

/* The network "lesson", "lesson-avg" (with average pooling) or "lenet5"; NULL without an error for any other name. */
cvy_network *cvy_network_builtin(const char *name, cvy_status *status);
bool cvy_network_is_builtin(const char *name);

/* The built-in network of that name, else the network in that file; NULL on an error. */
cvy_network *cvy_network_from(const char *name_or_file, cvy_status *status);

/* Names as Keras spells them ("swish" is silu); false if unknown. */
bool cvy_activation_from_name(const char *name, cvy_activation_name *activation);
bool cvy_initializer_from_name(const char *name, cvy_initializer *initializer);
/* As Keras writes them: "silu", "GlorotUniform". */
const char *cvy_activation_to_name(cvy_activation_name activation);
const char *cvy_initializer_class(cvy_initializer initializer);
/* All these names, and the layers' classes, for messages. */
extern const cvy_choices cvy_activation_choices, cvy_initializer_choices, cvy_layer_choices;
/* "Conv2D", "MaxPooling2D", ... */
const char *cvy_layer_class(cvy_layer_kind kind);
/* Of automatic names: "conv2d", "max_pooling2d", ... */
const char *cvy_layer_stem(cvy_layer_kind kind);
/* The kind of one of Keras's class names; false if unknown. */
bool cvy_layer_kind_from_class(const char *class_name, cvy_layer_kind *kind);
/* "(None, 24, 24, 3)" */
void cvy_shape_text(cvy_shape shape, char text[static 64]);

static inline size_t cvy_shape_count(cvy_shape shape) {
    return (size_t)shape.height * (size_t)shape.width * (size_t)shape.channels;
}

#endif
