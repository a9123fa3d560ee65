/* Weights in safetensors files. */
#include "weights.h"

#include "../base/memory.h"
#include "../io/safetensors.h"
#include "weight_names.h"

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

bool cvy_weights_save(const cvy_model *model, const char *path, cvy_status *status) {
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    const float *parameters = cvy_trainer_parameters(model->trainer);
    cvy_tensor *tensors = cvy_allocate((size_t)variables->count, sizeof *tensors, "tensors", status);
    if (!tensors)
        return false;
    for (int i = 0; i < variables->count; i++) {
        const cvy_variable *variable = &variables->list[i];
        tensors[i] = (cvy_tensor){
            .name = variable->path, .dtype = CVY_F32, .rank = variable->rank, .data = parameters + variable->offset};
        memcpy(tensors[i].shape, variable->shape, sizeof tensors[i].shape);
        if (!cvy_tensor_check_finite(&tensors[i], path, status))
            break;
    }
    char text[CVY_PREPROCESSING_MAX];
    const char *metadata[5];
    describe_model(model, text, metadata);
    cvy_safetensors_write(path, tensors, (size_t)variables->count, metadata, status);
    free(tensors);
    return cvy_ok(status);
}

static bool check_finite(const cvy_tensor *const *tensors, int count, const char *path, cvy_status *status) {
    for (int i = 0; i < count; i++)
        if (!cvy_tensor_check_finite(tensors[i], path, status))
            return false;
    return true;
}

/* Preprocessing that the file's weights were trained with. */
static bool read_preprocessing(const cvy_safetensors *file, cvy_preprocessing *preprocessing, cvy_status *status) {
    cvy_status parsing = {0};
    const char *text = cvy_safetensors_metadata(file, "preprocessing");
    return !text || cvy_preprocessing_parse(text, preprocessing, &parsing) ||
           cvy_fail(status, CVY_FAILED, cvy_safetensors_path(file), "preprocessing: %.400s", parsing.what);
}

bool cvy_weights_load(cvy_model *model, const char *path, cvy_status *status) {
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    cvy_safetensors *file = cvy_safetensors_open(path, status);
    const cvy_tensor **tensors =
        file ? cvy_allocate((size_t)variables->count, sizeof *tensors, "tensors", status) : NULL;
    /* All is checked first: a file that does not fit leaves the model as it was. */
    cvy_preprocessing preprocessing = model->preprocessing;
    if (tensors && cvy_match_tensors(file, variables, tensors, status) &&
        check_finite(tensors, variables->count, path, status) && read_preprocessing(file, &preprocessing, status)) {
        float *parameters = cvy_trainer_parameters(model->trainer);
        for (int i = 0; i < variables->count; i++)
            memcpy(parameters + variables->list[i].offset, tensors[i]->data, cvy_tensor_bytes(tensors[i]));
        model->preprocessing = preprocessing;
        cvy_trainer_preprocess(model->trainer, &preprocessing);
    }
    free(tensors);
    cvy_safetensors_close(file);
    return cvy_ok(status);
}
