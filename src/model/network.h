/* A network as described: a chain of layers with their settings and output shapes. No weights, no memory plan. */
#ifndef CVY_NETWORK_H
#define CVY_NETWORK_H

#include "../base/status.h"

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

/* Height, width, channels; rank 1 holds a vector of `channels` with height = width = 1. Rank 3 is an image. */
typedef struct cvy_shape {
    int rank;
    int height, width, channels;
} cvy_shape;

typedef struct cvy_layer {
    cvy_layer_kind kind;
    char name[CVY_NAME_MAX];
    /* Height, width of Conv2D and of pooling, where kernel_size is pool_size and a stride of 0 means as kernel_size */
    int kernel_size[2], strides[2];
    bool same; /* padding "same"; else "valid" */
    int units; /* filters of Conv2D, units of Dense */
    bool use_bias;
    cvy_activation_name activation; /* of Conv2D, Dense, Activation */
    cvy_initializer kernel_initializer, bias_initializer;
    double scale, offset; /* Rescaling */
    double rate;          /* Dropout */
    /* Derived when the layer is added, but for the input, which states its shape here */
    cvy_shape output;
    size_t parameters;
} cvy_layer;

typedef struct cvy_network {
    char name[CVY_NAME_MAX];
    bool sequential; /* Keras's Sequential: variables' paths begin with the network's name */
    int count, capacity;
    cvy_layer *layers; /* the first is the input */
} cvy_network;

/* Name NULL or empty: Keras's "sequential" or "functional". */
cvy_network *cvy_network_new(const char *name, bool sequential, cvy_status *status);
void cvy_network_free(cvy_network *network);

/* A layer with Keras's defaults for its kind: what is not set further must be (units, pool size, rate, ...). */
cvy_layer cvy_layer_default(cvy_layer_kind kind);

/* Appends a layer: checks its settings against the shape before it, fills in output and parameters and, where name is
 * empty, Keras's automatic name ("conv2d", "conv2d_1", ...). Errors name the layer and the field. */
bool cvy_network_add(cvy_network *network, const cvy_layer *layer, cvy_status *status);

/* Gives the layer `name`, or where that is NULL or empty the automatic name it would get in this network. For callers
 * that want to name the layer in errors of their own before they add it. */
bool cvy_network_name_layer(const cvy_network *network, cvy_layer *layer, const char *name, cvy_status *status);

/* Records an error in a field of a layer: where is `layer "conv2d_1", padding`. Returns false. */
bool cvy_layer_fail(cvy_status *status, const char *layer, const char *field, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* Reads Keras's model.to_json(): Sequential, or a Functional chain. Whatever would change the result and is not
 * understood is an error that names the layer and the field; `origin` (the file) begins the message. */
cvy_network *cvy_network_from_json(const char *text, size_t length, const char *origin, cvy_status *status);
/* Leaves the file's text in *description, which the caller frees, unless that is NULL. */
cvy_network *cvy_network_from_json_file(const char *path, char **description, cvy_status *status);

/* "lesson", "lesson-avg" (average pooling), "lenet5"; NULL without an error if there is no such name. */
cvy_network *cvy_network_builtin(const char *name, cvy_status *status);
bool cvy_network_is_builtin(const char *name);

/* A built-in's name, else a file. Leaves what the network came from, the name or the file's text, in *description,
 * which the caller frees, unless that is NULL. */
cvy_network *cvy_network_from(const char *name_or_file, char **description, cvy_status *status);

/* Names as Keras spells them ("swish" is silu); false if unknown. */
bool cvy_activation_from_name(const char *name, cvy_activation_name *activation);
bool cvy_initializer_from_name(const char *name, cvy_initializer *initializer);
/* The names that are understood, for messages. */
extern const char cvy_activation_list[], cvy_initializer_list[];
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
