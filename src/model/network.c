/* Building a network: each layer is checked against the shape that reaches it. */
#include "network.h"

#include "../base/printable.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/number.h"

enum {
    MAX_KERNEL = 11,          /* the largest convolution kernel side */
    MAX_ELEMENTS = 1 << 24,   /* of one image at any layer: a block of 16 takes 1 GiB, and its indices fit in 32 bits */
    MAX_PARAMETERS = 1 << 28, /* of a network: 1 GiB */
};

/* ---- Errors and names ------------------------------------------------------------------------------------------- */

bool cvy_layer_fail(cvy_status *status, const char *layer, const char *field, const char *what, ...) {
    char where[sizeof status->where], text[sizeof status->what];
    snprintf(where, sizeof where, "layer \"%s\", %s", layer, field);
    va_list arguments;
    va_start(arguments, what);
    cvy_format(text, sizeof text, what, arguments);
    va_end(arguments);
    return cvy_fail(status, CVY_FAILED, where, "%s", text);
}

/* Names are parts of variables' paths and lines of tables, so they hold no slash and no control character. */
static bool copy_name(char copy[CVY_NAME_MAX], const char *name, const char *owner, cvy_status *status) {
    size_t length = strlen(name);
    if (length >= CVY_NAME_MAX)
        return cvy_fail(status, CVY_FAILED, owner, "\"%.40s...\" has %zu bytes, expected at most %d", name, length,
                        CVY_NAME_MAX - 1);
    for (const char *c = name; *c; c++)
        if (*c == '/' || cvy_text_is_control(c))
            return cvy_fail(status, CVY_FAILED, owner, "\"%s\" holds %s, which a name must not", name,
                            *c == '/' ? "a slash" : "a control character");
    memcpy(copy, name, length + 1);
    return true;
}

static bool name_taken(const cvy_network *network, const char *name) {
    for (int i = 0; i < network->count; i++)
        if (!strcmp(network->layers[i].name, name))
            return true;
    return false;
}

bool cvy_network_name_layer(const cvy_network *network, cvy_layer *layer, const char *name, cvy_status *status) {
    if (name && *name) {
        if (!copy_name(layer->name, name, "layer name", status))
            return false;
        return !name_taken(network, name) || cvy_layer_fail(status, name, "name", "is taken by a layer before it");
    }
    const char *stem = cvy_layer_stem(layer->kind);
    snprintf(layer->name, sizeof layer->name, "%s", stem);
    for (int number = 1; name_taken(network, layer->name); number++)
        snprintf(layer->name, sizeof layer->name, "%s_%d", stem, number);
    return true;
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

cvy_network *cvy_network_new(const char *name, bool sequential, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    cvy_network *network = calloc(1, sizeof *network);
    if (!network) {
        cvy_fail_memory(status, "network", sizeof *network);
        return NULL;
    }
    network->sequential = sequential;
    if (!name || !*name)
        name = sequential ? "sequential" : "functional";
    if (!copy_name(network->name, name, "network name", status)) {
        free(network);
        return NULL;
    }
    return network;
}

void cvy_network_free(cvy_network *network) {
    if (!network)
        return;
    free(network->layers);
    free(network);
}

/* ---- Layers ----------------------------------------------------------------------------------------------------- */

cvy_layer cvy_layer_default(cvy_layer_kind kind) {
    cvy_layer layer = {
        .kind = kind,
        .use_bias = true,
        .activation = CVY_LINEAR,
        .kernel_initializer = CVY_GLOROT_UNIFORM,
        .bias_initializer = CVY_ZEROS,
        .scale = 1,
    };
    if (kind == CVY_LAYER_CONV2D)
        layer.strides[0] = layer.strides[1] = 1;
    else if (kind == CVY_LAYER_MAX_POOLING2D || kind == CVY_LAYER_AVERAGE_POOLING2D)
        layer.kernel_size[0] = layer.kernel_size[1] = 2;
    return layer;
}

static bool check_rank(const cvy_layer *layer, cvy_shape input, int rank, const char *hint, cvy_status *status) {
    if (input.rank == rank)
        return true;
    char text[64];
    cvy_shape_text(input, text);
    return cvy_layer_fail(status, layer->name, "input shape", "%s, expected %s%s", text,
                          rank == 3 ? "(None, height, width, channels)" : "(None, features)", hint);
}

static bool check_pair(const cvy_layer *layer, const char *field, const int pair[2], int limit, cvy_status *status) {
    for (int i = 0; i < 2; i++)
        if (pair[i] < 1 || pair[i] > limit)
            return cvy_layer_fail(status, layer->name, field, "%d x %d, expected 1 to %d each", pair[0], pair[1],
                                  limit);
    return true;
}

static bool check_input(cvy_layer *layer, cvy_status *status) {
    cvy_shape *shape = &layer->output;
    if (shape->rank == 1)
        shape->height = shape->width = 1;
    bool sane = (shape->rank == 1 || shape->rank == 3) && shape->height > 0 && shape->width > 0 && shape->channels > 0;
    if (sane)
        return true;
    return cvy_layer_fail(status, layer->name, "shape", "%d x %d x %d, expected extents of at least 1", shape->height,
                          shape->width, shape->channels);
}

static bool check_units(const cvy_layer *layer, const char *field, cvy_status *status) {
    return layer->units >= 1 || cvy_layer_fail(status, layer->name, field, "%d, expected at least 1", layer->units);
}

static bool check_pooling(cvy_layer *layer, cvy_status *status) {
    for (int i = 0; i < 2; i++)
        if (layer->strides[i] == 0)
            layer->strides[i] = layer->kernel_size[i];
    return check_pair(layer, "pool_size", layer->kernel_size, MAX_ELEMENTS, status) &&
           check_pair(layer, "strides", layer->strides, MAX_ELEMENTS, status);
}

bool cvy_layer_check(cvy_layer *layer, cvy_status *status) {
    switch (layer->kind) {
    case CVY_LAYER_INPUT:
        return check_input(layer, status);
    case CVY_LAYER_RESCALING: /* the kernels hold both as floats */
        return (isfinite((float)layer->scale) && isfinite((float)layer->offset)) ||
               cvy_layer_fail(status, layer->name, "scale and offset", "%g and %g, expected finite floats",
                              layer->scale, layer->offset);
    case CVY_LAYER_CONV2D:
        return check_pair(layer, "kernel_size", layer->kernel_size, MAX_KERNEL, status) &&
               check_pair(layer, "strides", layer->strides, MAX_ELEMENTS, status) &&
               check_units(layer, "filters", status);
    case CVY_LAYER_MAX_POOLING2D:
    case CVY_LAYER_AVERAGE_POOLING2D:
        return check_pooling(layer, status);
    case CVY_LAYER_DENSE:
        return check_units(layer, "units", status);
    case CVY_LAYER_DROPOUT:
        return (layer->rate >= 0 && layer->rate < 1) ||
               cvy_layer_fail(status, layer->name, "rate", "%g, expected 0 <= rate < 1", layer->rate);
    case CVY_LAYER_FLATTEN:
    case CVY_LAYER_ACTIVATION:
        return true;
    }
    return cvy_layer_fail(status, layer->name, "kind", "%d is not a kind of layer", (int)layer->kind);
}

/* The number of positions of a window: with padding "valid" only those inside the input. */
static int window_positions(int extent, int window, int stride, bool same) {
    if (same)
        return (extent + stride - 1) / stride;
    return extent < window ? 0 : (extent - window) / stride + 1;
}

/* Computes the output of a window that slides over height and width. */
static bool slide(cvy_layer *layer, cvy_shape input, int channels, const char *window, cvy_status *status) {
    const int *size = layer->kernel_size, *strides = layer->strides;
    layer->output = (cvy_shape){3, window_positions(input.height, size[0], strides[0], layer->same),
                                window_positions(input.width, size[1], strides[1], layer->same), channels};
    if (layer->output.height && layer->output.width)
        return true;
    return cvy_layer_fail(status, layer->name, window, "%d x %d is larger than its input, %d x %d", size[0], size[1],
                          input.height, input.width);
}

/* Computes output and parameters from the shape before the layer. */
static bool derive(cvy_layer *layer, cvy_shape input, cvy_status *status) {
    const size_t channels = (size_t)input.channels;
    switch (layer->kind) {
    case CVY_LAYER_CONV2D:
        layer->parameters =
            ((size_t)layer->kernel_size[0] * (size_t)layer->kernel_size[1] * channels + layer->use_bias) *
            (size_t)layer->units;
        return check_rank(layer, input, 3, "", status) && slide(layer, input, layer->units, "kernel_size", status);
    case CVY_LAYER_MAX_POOLING2D:
    case CVY_LAYER_AVERAGE_POOLING2D:
        return check_rank(layer, input, 3, "", status) && slide(layer, input, input.channels, "pool_size", status);
    case CVY_LAYER_FLATTEN:
        layer->output = (cvy_shape){1, 1, 1, (int)cvy_shape_count(input)};
        return true;
    case CVY_LAYER_DENSE:
        layer->parameters = (channels + layer->use_bias) * (size_t)layer->units;
        layer->output = (cvy_shape){1, 1, 1, layer->units};
        return check_rank(layer, input, 1, ": a Flatten layer before it makes one", status);
    case CVY_LAYER_INPUT: /* its output is given */
        return true;
    case CVY_LAYER_RESCALING:
    case CVY_LAYER_ACTIVATION:
    case CVY_LAYER_DROPOUT:
        break;
    }
    layer->output = input;
    return true;
}

static bool check_limits(const cvy_network *network, const cvy_layer *layer, cvy_status *status) {
    cvy_shape shape = layer->output;
    uint64_t plane = (uint64_t)shape.height * (uint64_t)shape.width; /* below 2^62 */
    if (plane > MAX_ELEMENTS || plane * (uint64_t)shape.channels > MAX_ELEMENTS) {
        char text[64];
        cvy_shape_text(shape, text);
        return cvy_layer_fail(status, layer->name, "output shape", "%s has more than %d elements", text, MAX_ELEMENTS);
    }
    size_t parameters = layer->parameters;
    for (int i = 0; i < network->count; i++)
        parameters += network->layers[i].parameters;
    if (parameters > MAX_PARAMETERS)
        return cvy_layer_fail(status, layer->name, "parameters", "%zu with those before it, expected at most %d",
                              parameters, MAX_PARAMETERS);
    return true;
}

static bool grow(cvy_network *network, cvy_status *status) {
    if (network->count < network->capacity)
        return true;
    int capacity = network->capacity ? 2 * network->capacity : 16;
    size_t bytes = (size_t)capacity * sizeof *network->layers;
    cvy_layer *layers = realloc(network->layers, bytes);
    if (!layers)
        return cvy_fail_memory(status, "network", bytes);
    network->layers = layers;
    network->capacity = capacity;
    return true;
}

bool cvy_network_add(cvy_network *network, const cvy_layer *description, cvy_status *status) {
    if (!cvy_ok(status))
        return false;
    cvy_layer layer = *description;
    layer.parameters = 0;
    if (!cvy_network_name_layer(network, &layer, description->name, status))
        return false;
    bool first = network->count == 0, input = layer.kind == CVY_LAYER_INPUT;
    if (first && !input)
        return cvy_layer_fail(status, layer.name, "input shape", "is not known: an input must come first");
    if (input && !first)
        return cvy_layer_fail(status, layer.name, "input", "a second one, expected one input, the first layer of all");
    cvy_shape before = first ? layer.output : network->layers[network->count - 1].output;
    if (!cvy_layer_check(&layer, status) || !derive(&layer, before, status) || !check_limits(network, &layer, status) ||
        !grow(network, status))
        return false;
    network->layers[network->count++] = layer;
    return true;
}
