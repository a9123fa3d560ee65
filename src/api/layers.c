/* The public API: the layers of a model. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

/* Begins a layer: Keras's defaults and its name, so that errors can say it. False where nothing is to be done. */
static bool begin(cvy_model *model, cvy_layer_kind kind, const char *name, cvy_layer *layer, cvy_status *status) {
    if (!cvy_given(model, "model", status))
        return false;
    if (model->trainer)
        return cvy_fail(status, CVY_USAGE, model->network->name, "the model is compiled: a %s layer must come before",
                        cvy_layer_class(kind));
    free(model->description); /* it is that network no more */
    model->description = NULL;
    *layer = cvy_layer_default(kind);
    return cvy_network_name_layer(model->network, layer, name, status);
}

/* Options of two: the second, left zero, is as the first; both zero leave the default. */
static void set_pair(const int option[2], int pair[2]) {
    if (!option[0] && !option[1])
        return;
    pair[0] = option[0];
    pair[1] = option[1] ? option[1] : option[0];
}

static bool set_padding(const char *option, cvy_layer *layer, cvy_status *status) {
    layer->same = option && !strcmp(option, "same");
    return layer->same || !option || !strcmp(option, "valid") ||
           cvy_layer_fail(status, layer->name, "padding", "\"%s\", expected valid or same", option);
}

static bool set_activation(const char *option, cvy_layer *layer, cvy_status *status) {
    return !option || cvy_activation_from_name(option, &layer->activation) ||
           cvy_layer_fail(status, layer->name, "activation", "\"%s\", expected %s", option,
                          cvy_activation_choices.list);
}

static bool set_initializer(const char *option, const char *field, cvy_initializer *initializer, const cvy_layer *layer,
                            cvy_status *status) {
    return !option || cvy_initializer_from_name(option, initializer) ||
           cvy_layer_fail(status, layer->name, field, "\"%s\", expected %s", option, cvy_initializer_choices.list);
}

static bool set_initializers(const char *kernel, const char *bias, cvy_layer *layer, cvy_status *status) {
    return set_initializer(kernel, "kernel_initializer", &layer->kernel_initializer, layer, status) &&
           set_initializer(bias, "bias_initializer", &layer->bias_initializer, layer, status);
}

void cvy_input(cvy_model *model, int height, int width, int channels, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_layer layer;
    if (!begin(model, CVY_LAYER_INPUT, NULL, &layer, status))
        return;
    layer.output = (cvy_shape){3, height, width, channels};
    cvy_network_add(model->network, &layer, status);
}

void cvy_rescaling(cvy_model *model, double scale, double offset, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_layer layer;
    if (!begin(model, CVY_LAYER_RESCALING, NULL, &layer, status))
        return;
    layer.scale = scale;
    layer.offset = offset;
    cvy_network_add(model->network, &layer, status);
}

void cvy_conv2d(cvy_model *model, const cvy_conv2d_options *options, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_layer layer;
    options = options ? options : &(const cvy_conv2d_options){0};
    if (!begin(model, CVY_LAYER_CONV2D, options->name, &layer, status))
        return;
    layer.units = options->filters;
    layer.use_bias = !options->no_bias;
    set_pair(options->kernel_size, layer.kernel_size);
    set_pair(options->strides, layer.strides);
    if (set_padding(options->padding, &layer, status) && set_activation(options->activation, &layer, status) &&
        set_initializers(options->kernel_initializer, options->bias_initializer, &layer, status))
        cvy_network_add(model->network, &layer, status);
}

static void add_pooling(cvy_model *model, cvy_layer_kind kind, const cvy_pooling2d_options *options,
                        cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_layer layer;
    options = options ? options : &(const cvy_pooling2d_options){0};
    if (!begin(model, kind, options->name, &layer, status))
        return;
    set_pair(options->pool_size, layer.kernel_size);
    set_pair(options->strides, layer.strides);
    if (set_padding(options->padding, &layer, status))
        cvy_network_add(model->network, &layer, status);
}

void cvy_max_pooling2d(cvy_model *model, const cvy_pooling2d_options *options, cvy_status *status) {
    add_pooling(model, CVY_LAYER_MAX_POOLING2D, options, status);
}

void cvy_average_pooling2d(cvy_model *model, const cvy_pooling2d_options *options, cvy_status *status) {
    add_pooling(model, CVY_LAYER_AVERAGE_POOLING2D, options, status);
}

void cvy_flatten(cvy_model *model, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_layer layer;
    if (begin(model, CVY_LAYER_FLATTEN, NULL, &layer, status))
        cvy_network_add(model->network, &layer, status);
}

void cvy_dense(cvy_model *model, const cvy_dense_options *options, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_layer layer;
    options = options ? options : &(const cvy_dense_options){0};
    if (!begin(model, CVY_LAYER_DENSE, options->name, &layer, status))
        return;
    layer.units = options->units;
    layer.use_bias = !options->no_bias;
    if (set_activation(options->activation, &layer, status) &&
        set_initializers(options->kernel_initializer, options->bias_initializer, &layer, status))
        cvy_network_add(model->network, &layer, status);
}

void cvy_activation(cvy_model *model, const char *activation, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_layer layer;
    if (cvy_given(activation, "activation", status) && begin(model, CVY_LAYER_ACTIVATION, NULL, &layer, status) &&
        set_activation(activation, &layer, status))
        cvy_network_add(model->network, &layer, status);
}

void cvy_dropout(cvy_model *model, double rate, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_layer layer;
    if (!begin(model, CVY_LAYER_DROPOUT, NULL, &layer, status))
        return;
    layer.rate = rate;
    cvy_network_add(model->network, &layer, status);
}
