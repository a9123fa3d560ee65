/* The public API: models, by name, from files and from JSON. */
#include "model.h"

#include "../io/safetensors.h"

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

cvy_model *cvy_model_from(const char *name_or_file, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(name_or_file, "name_or_file", status))
        return NULL;
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

/* A built-in's name or JSON, but no file: what a weight file says must not depend on the files beside it. */
cvy_model *cvy_model_from_weights(const char *path, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_safetensors *file = cvy_given(path, "path", status) ? cvy_safetensors_open(path, status) : NULL;
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

void cvy_model_free(cvy_model *model) {
    if (!model)
        return;
    cvy_trainer_free(model->trainer);
    cvy_network_free(model->network);
    free(model->description);
    free(model);
}
