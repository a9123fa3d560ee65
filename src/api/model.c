/* The public API: models, by name, from files and from JSON. */
#include "model.h"

#include "../io/safetensors.h"
#include "../model/network_json.h"
#include "compile_config.h"
#include "formats.h"
#include "keras_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A model that owns the network (NULL: none was made) and the description; on an error they are freed. */
static cvy_model *wrap(cvy_network *network, char *description, cvy_status *status) {
    cvy_model *model = network && cvy_ok(status) ? calloc(1, sizeof *model) : NULL;
    if (!model) {
        if (network)
            cvy_fail_memory(status, "model", sizeof *model);
        cvy_network_free(network);
        free(description);
        return NULL;
    }
    model->network = network;
    model->description = description;
    model->preprocessing = cvy_preprocessing_none;
    return model;
}

cvy_model *cvy_model_new(const char *name, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    return wrap(cvy_network_new(name, false, status), NULL, status);
}

/* A model from a text, which it takes over. What is not supported of how it is compiled is no error here, but is listed
 * with what is not supported of the network. */
static cvy_model *from_text(char *text, size_t length, const char *origin, cvy_status *status) {
    json_t *object = text ? cvy_json_parse(text, length, origin, status) : NULL;
    json_t *compile_config = json_object_get(object, "compile_config");
    cvy_refusals refusals = {0};
    cvy_network *network = object ? cvy_network_from_object(object, &refusals) : NULL;
    if (refusals.count)
        cvy_compile_config_read(compile_config, CVY_COMPILE_ALL, &(cvy_compile_settings){0}, &refusals);
    cvy_refusals_report(&refusals, origin, status);
    cvy_model *model = wrap(network, text, status);
    const bool empty = json_is_object(compile_config) && !json_object_size(compile_config);
    if (model && compile_config && !json_is_null(compile_config) && !empty) /* else the model is not compiled */
        model->compile_config = json_incref(compile_config);
    if (model)
        snprintf(model->origin, sizeof model->origin, "%s", origin);
    json_decref(object);
    return model;
}

static char *copy_text(const char *text, cvy_status *status) {
    char *copy = cvy_ok(status) ? strdup(text) : NULL;
    if (!copy)
        cvy_fail_memory(status, "model", strlen(text) + 1);
    return copy;
}

static cvy_model *from_json(const char *json, const char *origin, cvy_status *status) {
    return from_text(copy_text(json, status), strlen(json), origin, status);
}

static cvy_model *from_weights(const char *path, cvy_file_kind kind, const char *what, cvy_status *status);

cvy_model *cvy_model_from(const char *name_or_file, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(name_or_file, "name_or_file", status))
        return NULL;
    if (cvy_network_is_builtin(name_or_file)) {
        char *description = copy_text(name_or_file, status);
        return wrap(cvy_network_builtin(name_or_file, status), description, status);
    }
    const char *what = NULL;
    cvy_file_kind kind = cvy_file_kind_of(name_or_file, &what, &(cvy_status){0});
    if (kind != CVY_FILE_UNKNOWN)
        return from_weights(name_or_file, kind, what, status);
    size_t length = 0;
    char *text = cvy_network_read_text(name_or_file, &length, status);
    return from_text(text, length, name_or_file, status);
}

cvy_model *cvy_model_described(const char *description, const char *origin, cvy_status *status) {
    return *description == '{' ? from_json(description, origin, status) : cvy_model_from(description, status);
}

cvy_model *cvy_model_from_json(const char *json, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    return cvy_given(json, "json", status) ? from_json(json, "model", status) : NULL;
}

/* A text of a kilobyte can describe a network of gigabytes: the file must hold as many numbers as the network has
 * parameters. */
static bool check_size(const cvy_network *network, const cvy_safetensors *file, cvy_status *status) {
    size_t parameters = 0, numbers = 0;
    for (int i = 0; i < network->count; i++)
        parameters += network->layers[i].parameters;
    for (size_t i = 0; i < cvy_safetensors_count(file); i++)
        numbers += cvy_tensor_elements(cvy_safetensors_at(file, i));
    return parameters <= numbers ||
           cvy_fail(status, CVY_FAILED, cvy_safetensors_path(file),
                    "holds %zu numbers, but its network has %zu parameters", numbers, parameters);
}

/* The network that a safetensors file names: a built-in's name or JSON, but no file, for what a weight file says must
 * not depend on the files beside it. */
static cvy_model *from_safetensors(const char *path, cvy_status *status) {
    cvy_safetensors *file = cvy_safetensors_open(path, status);
    if (!file)
        return NULL;
    const char *network = cvy_safetensors_metadata(file, "network");
    if (!network)
        network = "lesson";
    cvy_model *model = NULL;
    if (*network == '{' || cvy_network_is_builtin(network))
        model = cvy_model_described(network, path, status);
    else
        cvy_fail(status, CVY_FAILED, path, "is of the network \"%.80s\", which is not known", network);
    if (model && *network == '{' && !check_size(model->network, file, status)) {
        cvy_model_free(model);
        model = NULL;
    }
    cvy_safetensors_close(file);
    return model;
}

/* The network that a file of weights holds or names. */
static cvy_model *from_weights(const char *path, cvy_file_kind kind, const char *what, cvy_status *status) {
    if (kind == CVY_FILE_FOREIGN)
        cvy_refuse_foreign(path, what, status);
    if (!cvy_ok(status))
        return NULL;
    if (kind != CVY_FILE_KERAS && kind != CVY_FILE_HDF5)
        return from_safetensors(path, status);
    char *text = cvy_keras_network(path, kind, status);
    cvy_model *model = text ? from_json(text, path, status) : NULL;
    free(text);
    return model;
}

cvy_model *cvy_model_from_weights(const char *path, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(path, "path", status))
        return NULL;
    const char *what = NULL;
    cvy_file_kind kind = cvy_file_kind_of(path, &what, status);
    return from_weights(path, kind, what, status);
}

json_t *cvy_model_compile_config(const cvy_model *model) {
    if (model->trainer) {
        cvy_compile_settings settings = model->compiled;
        settings.optimizer = cvy_trainer_optimizer(model->trainer)->settings; /* the learning rate may be another now */
        return cvy_compile_config_write(&settings);
    }
    if (!json_object_get(model->compile_config, "optimizer_config"))
        return model->compile_config ? json_incref(model->compile_config) : json_object();
    /* Of an HDF5 file, in a form that Keras 3 does not read: as it would be once compiled, if it can be. */
    cvy_compile_settings settings = {0};
    cvy_refusals refusals = {0};
    cvy_optimizer_parse("rmsprop", &settings.optimizer, &(cvy_status){0});
    cvy_compile_config_read(model->compile_config, CVY_COMPILE_ALL, &settings, &refusals);
    return refusals.count ? json_incref(model->compile_config) : cvy_compile_config_write(&settings);
}

char *cvy_to_json(const cvy_model *model, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(model, "model", status))
        return NULL;
    json_t *object = cvy_network_to_json(model->network, status);
    char *text = NULL;
    if (object && !json_object_set_new(object, "compile_config", cvy_model_compile_config(model)))
        text = cvy_json_dump(object, JSON_ENSURE_ASCII);
    if (object && !text)
        cvy_fail(status, CVY_FAILED, model->network->name, "out of memory");
    json_decref(object);
    return text;
}

void cvy_model_free(cvy_model *model) {
    if (!model)
        return;
    cvy_trainer_free(model->trainer);
    cvy_network_free(model->network);
    free(model->description);
    json_decref(model->compile_config);
    json_decref(model->checkpoint);
    free(model);
}
