/* Keras's names of activations, initialisers, layers and shapes. */
#include "network.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct spelling {
    const char *name;
    int value;
} spelling;

static const spelling activations[] = {
    {"linear", CVY_LINEAR},   {"relu", CVY_RELU}, {"silu", CVY_SILU},       {"swish", CVY_SILU},
    {"sigmoid", CVY_SIGMOID}, {"tanh", CVY_TANH}, {"softmax", CVY_SOFTMAX},
};
const cvy_choices cvy_activation_choices = {"activations", "linear, relu, silu (swish), sigmoid, tanh or softmax"};

/* Keras accepts the name of the class and that of the function. It writes the first. */
static const spelling initializers[] = {
    {"GlorotUniform", CVY_GLOROT_UNIFORM},
    {"glorot_uniform", CVY_GLOROT_UNIFORM},
    {"GlorotNormal", CVY_GLOROT_NORMAL},
    {"glorot_normal", CVY_GLOROT_NORMAL},
    {"HeUniform", CVY_HE_UNIFORM},
    {"he_uniform", CVY_HE_UNIFORM},
    {"HeNormal", CVY_HE_NORMAL},
    {"he_normal", CVY_HE_NORMAL},
    {"Zeros", CVY_ZEROS},
    {"zeros", CVY_ZEROS},
};
const cvy_choices cvy_initializer_choices = {"initializers",
                                             "glorot_uniform, glorot_normal, he_uniform, he_normal or zeros"};

/* The name of a layer's class, and its stem for automatic names: "conv2d", "conv2d_1", ... */
static const struct {
    const char *class_name, *stem;
} kinds[] = {
    [CVY_LAYER_INPUT] = {"InputLayer", "input_layer"},
    [CVY_LAYER_RESCALING] = {"Rescaling", "rescaling"},
    [CVY_LAYER_CONV2D] = {"Conv2D", "conv2d"},
    [CVY_LAYER_MAX_POOLING2D] = {"MaxPooling2D", "max_pooling2d"},
    [CVY_LAYER_AVERAGE_POOLING2D] = {"AveragePooling2D", "average_pooling2d"},
    [CVY_LAYER_FLATTEN] = {"Flatten", "flatten"},
    [CVY_LAYER_DENSE] = {"Dense", "dense"},
    [CVY_LAYER_ACTIVATION] = {"Activation", "activation"},
    [CVY_LAYER_DROPOUT] = {"Dropout", "dropout"},
};
const cvy_choices cvy_layer_choices = {
    "layers", "InputLayer, Rescaling, Conv2D, MaxPooling2D, AveragePooling2D, Flatten, Dense, Activation or Dropout"};

static const spelling *find(const spelling *spellings, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(spellings[i].name, name))
            return &spellings[i];
    return NULL;
}

/* The first spelling of the value, which is one of the list. */
static const spelling *find_value(const spelling *spellings, int value) {
    while (spellings->value != value)
        spellings++;
    return spellings;
}

bool cvy_activation_from_name(const char *name, cvy_activation_name *activation) {
    const spelling *found = find(activations, COUNT(activations), name);
    if (found)
        *activation = (cvy_activation_name)found->value;
    return found;
}

const char *cvy_activation_to_name(cvy_activation_name activation) {
    return find_value(activations, activation)->name;
}

bool cvy_initializer_from_name(const char *name, cvy_initializer *initializer) {
    const spelling *found = find(initializers, COUNT(initializers), name);
    if (found)
        *initializer = (cvy_initializer)found->value;
    return found;
}

const char *cvy_initializer_class(cvy_initializer initializer) {
    return find_value(initializers, initializer)->name;
}

const char *cvy_layer_class(cvy_layer_kind kind) {
    return kinds[kind].class_name;
}

const char *cvy_layer_stem(cvy_layer_kind kind) {
    return kinds[kind].stem;
}

bool cvy_layer_kind_from_class(const char *class_name, cvy_layer_kind *kind) {
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (!strcmp(kinds[i].class_name, class_name)) {
            *kind = (cvy_layer_kind)i;
            return true;
        }
    return false;
}

void cvy_shape_text(cvy_shape shape, char text[static 64]) {
    if (shape.rank == 1)
        snprintf(text, 64, "(None, %d)", shape.channels);
    else
        snprintf(text, 64, "(None, %d, %d, %d)", shape.height, shape.width, shape.channels);
}
