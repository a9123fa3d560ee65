/* The public API's describing half: models, their layers, their summary. (convoy.c does the rest.) */
#include "io/safetensors.h"
#include "model/summary.h"
#include "model_object.h"

#include <stdlib.h>
#include <string.h>

/* ---- Models ----------------------------------------------------------------------------------------------------- */

/* A model that owns the network; frees it where there is no memory for one. */
static cvy_model *wrap(cvy_network *network, cvy_status *status) {
    if (!network)
        return NULL;
    cvy_model *model = calloc(1, sizeof *model);
    if (!model) {
        cvy_fail_memory(status, "model", sizeof *model);
        cvy_network_free(network);
        return NULL;
    }
    model->network = network;
    model->preprocessing = cvy_preprocessing_none;
    return model;
}

cvy_model *cvy_model_new(const char *name, cvy_status *status) {
    return wrap(cvy_network_new(name, false, status), status);
}

/* The same, and the model remembers what it came from. Takes the description over. */
static cvy_model *wrap_described(cvy_network *network, char *description, cvy_status *status) {
    cvy_model *model = wrap(network, status);
    if (model)
        model->description = description;
    else
        free(description);
    return model;
}

static char *copy_text(const char *text, cvy_status *status) {
    char *copy = strdup(text);
    if (!copy)
        cvy_fail_memory(status, "model", strlen(text) + 1);
    return copy;
}

cvy_model *cvy_model_from(const char *name_or_file, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    if (!name_or_file) {
        cvy_fail(status, CVY_USAGE, "model", "NULL, expected a built-in network's name or a file");
        return NULL;
    }
    char *description;
    cvy_network *network = cvy_network_from(name_or_file, &description, status);
    return network ? wrap_described(network, description, status) : NULL;
}

static cvy_model *from_json(const char *json, const char *origin, cvy_status *status) {
    cvy_network *network = cvy_network_from_json(json, strlen(json), origin, status);
    return network ? wrap_described(network, copy_text(json, status), status) : NULL;
}

cvy_model *cvy_model_from_json(const char *json, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    if (json)
        return from_json(json, "model", status);
    cvy_fail(status, CVY_USAGE, "model", "NULL, expected JSON");
    return NULL;
}

/* A built-in's name or JSON, but no file: what a weight file says must not depend on the files beside it. */
cvy_model *cvy_model_from_weights(const char *path, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    cvy_safetensors *file = cvy_safetensors_open(path, status);
    if (!file)
        return NULL;
    const char *network = cvy_safetensors_metadata(file, "network");
    cvy_model *model = NULL;
    if (network && *network == '{')
        model = from_json(network, path, status);
    else if (!network || cvy_network_is_builtin(network))
        model = cvy_model_from(network ? network : "lesson", status);
    else
        cvy_fail(status, CVY_FAILED, path, "is of the network \"%.80s\", which is not known", network);
    cvy_safetensors_close(file);
    return model;
}

cvy_model *cvy_recipe_model(const cvy_recipe *recipe, cvy_status *status) {
    if (!cvy_ok(status) || !recipe)
        return NULL;
    cvy_model *model = *recipe->network == '{' ? from_json(recipe->network, recipe->name, status)
                                               : cvy_model_from(recipe->network, status);
    cvy_preprocess(model, recipe->preprocessing, status);
    return model;
}

/* ---- Layers ----------------------------------------------------------------------------------------------------- */

/* Begins a layer: Keras's defaults and its name, so that errors can say it. False where nothing is to be done. */
static bool begin(cvy_model *model, cvy_layer_kind kind, const char *name, cvy_layer *layer, cvy_status *status) {
    if (!cvy_ok(status) || !model)
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
           cvy_layer_fail(status, layer->name, "activation", "\"%s\", expected %s", option, cvy_activation_list);
}

static bool set_initializer(const char *option, const char *field, cvy_initializer *initializer, const cvy_layer *layer,
                            cvy_status *status) {
    return !option || cvy_initializer_from_name(option, initializer) ||
           cvy_layer_fail(status, layer->name, field, "\"%s\", expected %s", option, cvy_initializer_list);
}

static bool set_initializers(const char *kernel, const char *bias, cvy_layer *layer, cvy_status *status) {
    return set_initializer(kernel, "kernel_initializer", &layer->kernel_initializer, layer, status) &&
           set_initializer(bias, "bias_initializer", &layer->bias_initializer, layer, status);
}

void cvy_input(cvy_model *model, int height, int width, int channels, cvy_status *status) {
    cvy_layer layer;
    if (!begin(model, CVY_LAYER_INPUT, NULL, &layer, status))
        return;
    layer.output = (cvy_shape){3, height, width, channels};
    cvy_network_add(model->network, &layer, status);
}

void cvy_rescaling(cvy_model *model, double scale, double offset, cvy_status *status) {
    cvy_layer layer;
    if (!begin(model, CVY_LAYER_RESCALING, NULL, &layer, status))
        return;
    layer.scale = scale;
    layer.offset = offset;
    cvy_network_add(model->network, &layer, status);
}

void cvy_conv2d(cvy_model *model, const cvy_conv2d_options *options, cvy_status *status) {
    cvy_layer layer;
    const cvy_conv2d_options defaults = {0};
    if (!options)
        options = &defaults;
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
    cvy_layer layer;
    const cvy_pooling2d_options defaults = {0};
    if (!options)
        options = &defaults;
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
    cvy_layer layer;
    if (begin(model, CVY_LAYER_FLATTEN, NULL, &layer, status))
        cvy_network_add(model->network, &layer, status);
}

void cvy_dense(cvy_model *model, const cvy_dense_options *options, cvy_status *status) {
    cvy_layer layer;
    const cvy_dense_options defaults = {0};
    if (!options)
        options = &defaults;
    if (!begin(model, CVY_LAYER_DENSE, options->name, &layer, status))
        return;
    layer.units = options->units;
    layer.use_bias = !options->no_bias;
    if (set_activation(options->activation, &layer, status) &&
        set_initializers(options->kernel_initializer, options->bias_initializer, &layer, status))
        cvy_network_add(model->network, &layer, status);
}

void cvy_activation(cvy_model *model, const char *activation, cvy_status *status) {
    cvy_layer layer;
    if (begin(model, CVY_LAYER_ACTIVATION, NULL, &layer, status) && set_activation(activation, &layer, status))
        cvy_network_add(model->network, &layer, status);
}

void cvy_dropout(cvy_model *model, double rate, cvy_status *status) {
    cvy_layer layer;
    if (!begin(model, CVY_LAYER_DROPOUT, NULL, &layer, status))
        return;
    layer.rate = rate;
    cvy_network_add(model->network, &layer, status);
}

/* ---- Summary ---------------------------------------------------------------------------------------------------- */

char *cvy_summary(const cvy_model *model, int columns, cvy_status *status) {
    if (!cvy_ok(status) || !model)
        return NULL;
    long optimizer = -1;
    if (model->trainer && model->epochs_done)
        optimizer = cvy_optimizer_parameters(&model->optimizer, cvy_trainer_variables(model->trainer)->parameters);
    return cvy_summary_text(model->network, columns, optimizer, false, status);
}

char *cvy_plan_summary(const cvy_model *model, const char *layout, cvy_status *status) {
    if (!cvy_ok(status) || !model)
        return NULL;
    cvy_layout wanted;
    if (!layout || !cvy_layout_from_name(layout, &wanted) || wanted == CVY_LAYOUT_AUTO) {
        cvy_fail(status, CVY_USAGE, "layout", "\"%s\" has no plan; expected hwc16n or nhwc", layout ? layout : "");
        return NULL;
    }
    cvy_variables variables;
    cvy_plan plan;
    if (!cvy_variables_layout(model->network, &variables, status))
        return NULL;
    bool made = cvy_plan_make(model->network, &variables, wanted, &plan, status);
    char *text = made ? cvy_plan_text(&plan, model->network, status) : NULL;
    cvy_plan_free(&plan);
    cvy_variables_free(&variables);
    return text;
}
