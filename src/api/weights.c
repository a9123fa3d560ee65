/* Weights in safetensors files. */
#include "weights.h"

#include "../base/memory.h"
#include "../io/safetensors.h"
#include "weight_names.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cvy_metadata_crc32(const char *network, const char *preprocessing, const char *checkpoint, char text[static 9]) {
    const char *const texts[] = {network, preprocessing, checkpoint};
    uint32_t crc = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        crc = libdeflate_crc32(crc, texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) + 1 : 1);
    snprintf(text, 9, "%08x", crc);
}

bool cvy_weights_write(const cvy_model *model, const char *path, const cvy_tensor *tensors, size_t count,
                       const char *checkpoint, cvy_status *status) {
    char text[CVY_PREPROCESSING_MAX], crc[9], *json = NULL;
    const char *network = model->description, *preprocessing = NULL;
    if (!network) /* built by hand */
        network = json = cvy_to_json(model, status);
    else if (!strcmp(network, "lesson"))
        network = NULL;
    cvy_preprocessing_text(&model->preprocessing, text);
    if (strcmp(text, "none"))
        preprocessing = text;
    const char *const pairs[][2] = {{"network", network},
                                    {"preprocessing", preprocessing},
                                    {"checkpoint", checkpoint},
                                    {"checkpoint_crc32", checkpoint ? crc : NULL}};
    const char *metadata[2 * sizeof pairs / sizeof *pairs + 1] = {NULL};
    for (size_t i = 0, at = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][1]) {
            metadata[at++] = pairs[i][0];
            metadata[at++] = pairs[i][1];
        }
    cvy_metadata_crc32(network, preprocessing, checkpoint, crc);
    if (cvy_ok(status))
        cvy_safetensors_write(path, tensors, count, metadata, status);
    free(json);
    return cvy_ok(status);
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
    }
    cvy_weights_write(model, path, tensors, (size_t)variables->count, NULL, status);
    free(tensors);
    return cvy_ok(status);
}

bool cvy_weights_finite(const cvy_variable *variable, const float *values, const char *path, cvy_status *status) {
    cvy_tensor tensor = {.name = variable->path, .dtype = CVY_F32, .rank = variable->rank, .data = values};
    memcpy(tensor.shape, variable->shape, sizeof tensor.shape);
    return cvy_tensor_check_finite(&tensor, path, status);
}

static bool all_finite(const cvy_variables *variables, const cvy_tensor *const *tensors, const char *path,
                       cvy_status *status) {
    for (int i = 0; i < variables->count; i++)
        if (!cvy_weights_finite(&variables->list[i], tensors[i]->data, path, status))
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
        all_finite(variables, tensors, path, status) && read_preprocessing(file, &preprocessing, status)) {
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
