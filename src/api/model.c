/* The public API: models, by name, from files and from JSON. */
#include "model.h"
#include "../io/safetensors.h"
#include "formats.h"
#include "keras_file.h"

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

static cvy_model *from_json(const char *json, const char *origin, cvy_status *status) {
    cvy_network *network = cvy_network_from_json(json, strlen(json), origin, status);
    char *description = network ? strdup(json) : NULL;
    if (network && !description)
        cvy_fail_memory(status, "model", strlen(json) + 1);
    return wrap(network, description, status);
}

static cvy_model *from_weights(const char *path, cvy_file_kind kind, const char *what, cvy_status *status);

cvy_model *cvy_model_from(const char *name_or_file, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(name_or_file, "name_or_file", status))
        return NULL;
    if (!cvy_network_is_builtin(name_or_file)) {
        const char *what = NULL;
        cvy_file_kind kind = cvy_file_kind_of(name_or_file, &what, &(cvy_status){0});
        if (kind != CVY_FILE_UNKNOWN)
            return from_weights(name_or_file, kind, what, status);
    }
    char *description = NULL;
    cvy_network *network = cvy_network_from(name_or_file, &description, status);
    return wrap(network, description, status);
}

cvy_model *cvy_model_described(const char *description, const char *origin, cvy_status *status) {
    return *description == '{' ? from_json(description, origin, status) : cvy_model_from(description, status);
}

cvy_model *cvy_model_from_json(const char *json, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    return cvy_given(json, "json", status) ? from_json(json, "model", status) : NULL;
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

void cvy_model_free(cvy_model *model) {
    if (!model)
        return;
    cvy_trainer_free(model->trainer);
    cvy_network_free(model->network);
    free(model->description);
    free(model);
}
