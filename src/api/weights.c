/* The public API: weights in files. */
#include "../base/memory.h"
#include "../export/export.h"
#include "../io/safetensors.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

/* Key and value for what a file of weights must say beside them. */
static void describe_model(const cvy_model *model, char text[static CVY_PREPROCESSING_MAX], const char *metadata[5]) {
    int i = 0;
    if (model->description && strcmp(model->description, "lesson")) {
        metadata[i++] = "network";
        metadata[i++] = model->description;
    }
    cvy_preprocessing_text(&model->preprocessing, text);
    if (strcmp(text, "none")) {
        metadata[i++] = "preprocessing";
        metadata[i++] = text;
    }
    metadata[i] = NULL;
}

static bool ends_with(const char *text, const char *end) {
    return strlen(text) >= strlen(end) && !strcmp(text + strlen(text) - strlen(end), end);
}

void cvy_save(const cvy_model *model, const char *path, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ready(model, status) || !cvy_given(path, "path", status))
        return;
    const cvy_export what = {.network = model->network,
                             .variables = cvy_trainer_variables(model->trainer),
                             .parameters = cvy_trainer_parameters(model->trainer),
                             .preprocessing = &model->preprocessing,
                             .version = CVY_VERSION};
    if (ends_with(path, ".onnx")) {
        cvy_export_onnx(&what, path, status);
        return;
    }
    if (ends_with(path, ".c")) {
        cvy_export_c(&what, path, status);
        return;
    }
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    const float *parameters = cvy_trainer_parameters(model->trainer);
    cvy_tensor *tensors = cvy_allocate((size_t)variables->count, sizeof *tensors, "tensors", status);
    if (!tensors)
        return;
    for (int i = 0; i < variables->count; i++) {
        const cvy_variable *variable = &variables->list[i];
        tensors[i] = (cvy_tensor){
            .name = variable->path, .dtype = CVY_F32, .rank = variable->rank, .data = parameters + variable->offset};
        memcpy(tensors[i].shape, variable->shape, sizeof tensors[i].shape);
    }
    char text[CVY_PREPROCESSING_MAX];
    const char *metadata[5];
    describe_model(model, text, metadata);
    cvy_safetensors_write(path, tensors, (size_t)variables->count, metadata, status);
    free(tensors);
}

static bool read_variable(const cvy_safetensors *file, const cvy_variable *variable, const char *name,
                          float *parameters, cvy_status *status) {
    const cvy_tensor *tensor = cvy_safetensors_find(file, name);
    const char *path = cvy_safetensors_path(file);
    if (!tensor)
        return cvy_fail(status, CVY_FAILED, path, "no tensor \"%s\"", name);
    if (tensor->dtype != CVY_F32)
        return cvy_fail(status, CVY_FAILED, path, "tensor \"%s\" is not F32", name);
    if (tensor->rank != variable->rank || memcmp(tensor->shape, variable->shape, (size_t)tensor->rank * sizeof(size_t)))
        return cvy_fail(status, CVY_FAILED, path, "tensor \"%s\" has another shape than the network's", name);
    memcpy(parameters + variable->offset, tensor->data, variable->count * sizeof(float));
    return true;
}

/* Preprocessing that the file's weights were trained with. */
static bool read_preprocessing(const cvy_safetensors *file, cvy_preprocessing *preprocessing, cvy_status *status) {
    cvy_status parsing = {0};
    const char *text = cvy_safetensors_metadata(file, "preprocessing");
    return !text || cvy_preprocessing_parse(text, preprocessing, &parsing) ||
           cvy_fail(status, CVY_FAILED, cvy_safetensors_path(file), "preprocessing: %.400s", parsing.what);
}

void cvy_load(cvy_model *model, const char *path, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ready(model, status) || !cvy_given(path, "path", status))
        return;
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    cvy_safetensors *file = cvy_safetensors_open(path, status);
    if (!file)
        return;
    /* Into a copy first: a file that does not fit leaves the model as it was. */
    float *loaded = cvy_allocate(variables->floats, sizeof *loaded, "parameters", status);
    for (int i = 0; loaded && i < variables->count; i++)
        if (!read_variable(file, &variables->list[i], variables->list[i].path, loaded, status))
            break;
    cvy_preprocessing preprocessing = model->preprocessing;
    if (cvy_ok(status) && read_preprocessing(file, &preprocessing, status)) {
        memcpy(cvy_trainer_parameters(model->trainer), loaded, variables->floats * sizeof *loaded);
        model->preprocessing = preprocessing;
        cvy_trainer_preprocess(model->trainer, &preprocessing);
    }
    free(loaded);
    cvy_safetensors_close(file);
}
