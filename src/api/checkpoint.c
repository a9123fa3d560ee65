/* The public API: checkpoints. */
#include "checkpoint.h"

#include "../base/json.h"
#include "../base/memory.h"
#include "../io/safetensors.h"
#include "recipe.h"
#include "weights.h"

#include <errno.h>
#include <libdeflate.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- What a fit is ---------------------------------------------------------------------------------------------- */

/* The settings that decide a fit's bits. */
static json_t *describe_settings(const cvy_model *model, const cvy_fit_options *options, cvy_status *status) {
    char optimizer[CVY_OPTIMIZER_TEXT_MAX], preprocessing[CVY_PREPROCESSING_MAX];
    cvy_optimizer_text(&model->compiled.optimizer, optimizer);
    cvy_preprocessing_text(&model->preprocessing, preprocessing);
    /* A network that was built by hand has no text yet. */
    char *json = model->description ? NULL : cvy_to_json(model, status);
    const char *network = model->description ? model->description : json;
    cvy_recipe recipe = {
        .name = model->network->name,
        .network = network,
        .preprocessing = preprocessing,
        .compile = {.optimizer = optimizer, .label_smoothing = model->compiled.label_smoothing, .seed = model->seed},
        .fit = *options,
    };
    if (!options->epochs && !options->images)
        recipe.fit.epochs = 1;
    if (!options->batch_size)
        recipe.fit.batch_size = 32;
    json_t *object = network ? cvy_recipe_to_json(&recipe) : NULL;
    free(json);
    return object;
}

static json_t *describe_data(const cvy_dataset *set) {
    uint32_t crc = libdeflate_crc32(0, set->images, set->count * cvy_dataset_image_bytes(set));
    crc = libdeflate_crc32(crc, set->labels, set->labels ? set->count : 0);
    return json_pack("{s:s, s:I, s:[i, i, i], s:I}", "origin", set->origin, "count", (json_int_t)set->count, "shape",
                     set->height, set->width, set->channels, "crc32", (json_int_t)crc);
}

json_t *cvy_checkpoint_describe(const cvy_model *model, const cvy_fit_options *options, const cvy_dataset *dataset,
                                cvy_status *status) {
    if (model->seed > INT64_MAX) {
        cvy_fail(status, CVY_USAGE, "seed", "%llu cannot be kept in a checkpoint; expected at most %lld",
                 (unsigned long long)model->seed, (long long)INT64_MAX);
        return NULL;
    }
    /* json_pack takes over what it is given, also where it fails. */
    json_t *fit = json_pack("{s:o, s:b, s:o}", "recipe", describe_settings(model, options, status), "shuffle",
                            !options->no_shuffle, "data", describe_data(dataset));
    if (!fit)
        cvy_fail_memory(status, "checkpoint", 0);
    return fit;
}

/* ---- Going on --------------------------------------------------------------------------------------------------- */

/* "KEY is VALUE, the checkpoint has OTHER"; long values are cut. */
static bool refuse(const char *key, const json_t *now, const json_t *then, cvy_status *status) {
    char *text_now = now ? cvy_json_dump(now, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    char *text_then = then ? cvy_json_dump(then, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    cvy_fail(status, CVY_USAGE, "checkpoint", "%s is %.300s, the checkpoint has %.300s", key,
             text_now ? text_now : "not given", text_then ? text_then : "none");
    free(text_now);
    free(text_then);
    return false;
}

/* What may be another one without changing a bit of the steps to come; more epochs make more steps. */
static bool may_change(const char *key) {
    static const char *const keys[] = {"epochs", "images", "name", "origin", "position"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

static bool same_members(json_t *now, json_t *then, cvy_status *status) {
    const char *key;
    json_t *value;
    json_object_foreach(now, key, value) {
        json_t *other = json_object_get(then, key);
        if (may_change(key) || json_equal(value, other))
            continue;
        const bool inner = strcmp(key, "recipe") == 0 || strcmp(key, "data") == 0;
        if (!inner || !json_is_object(other))
            return refuse(key, value, other, status);
        if (!same_members(value, other, status))
            return false;
    }
    json_object_foreach(then, key, value) {
        if (!may_change(key) && !json_object_get(now, key))
            return refuse(key, NULL, value, status);
    }
    return true;
}

bool cvy_checkpoint_resume(const cvy_model *model, json_t *fit, cvy_position *position, cvy_status *status) {
    json_t *then = json_object_get(model->checkpoint, "fit");
    json_int_t step, correct, images;
    if (!same_members(fit, then, status))
        return false;
    *position = (cvy_position){0};
    if (json_unpack(json_object_get(then, "position"), "{s:i, s:I, s:F, s:F, s:I, s:I}", "epoch", &position->epoch,
                    "step", &step, "seconds", &position->seconds, "loss_sum", &position->metrics.loss_sum, "correct",
                    &correct, "images", &images) ||
        position->epoch < 1 || step < 0 || correct < 0 || images < correct)
        return cvy_fail(status, CVY_FAILED, "checkpoint", "its position in the fit makes no sense");
    position->step = (size_t)step;
    position->metrics.correct = (size_t)correct;
    position->metrics.images = (size_t)images;
    return true;
}

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

/* All weights, then all variables of the optimizer. */
typedef struct content {
    size_t count;
    cvy_array *arrays;
} content;

static bool list_content(cvy_model *model, content *c, cvy_status *status) {
    const size_t weights = (size_t)cvy_trainer_variables(model->trainer)->count;
    const int slots = cvy_optimizer_slots(&cvy_trainer_optimizer(model->trainer)->settings);
    c->count = weights * (1 + (size_t)slots);
    c->arrays = cvy_allocate(c->count, sizeof *c->arrays, "checkpoint", status);
    for (size_t i = 0; c->arrays && i < c->count; i++)
        c->arrays[i] =
            i < weights ? cvy_weight(model, (int)i, status) : cvy_optimizer_variable(model, (int)(i - weights), status);
    return cvy_ok(status);
}

static uint32_t crc32_of(const cvy_array *array) {
    return libdeflate_crc32(0, array->values, array->count * sizeof *array->values);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static json_t *describe_position(const cvy_position *position) {
    const cvy_metrics *metrics = &position->metrics;
    return json_pack("{s:i, s:I, s:f, s:f, s:I, s:I}", "epoch", position->epoch, "step", (json_int_t)position->step,
                     "seconds", position->seconds, "loss_sum", metrics->loss_sum, "correct",
                     (json_int_t)metrics->correct, "images", (json_int_t)metrics->images);
}

/* The text of the metadata "checkpoint"; the caller frees it. */
static char *describe(const cvy_model *model, json_t *fit, const content *c, cvy_status *status) {
    json_t *checksums = json_object();
    bool good = true;
    for (size_t i = 0; i < c->count; i++)
        good &= !json_object_set_new(checksums, c->arrays[i].name, json_integer(crc32_of(&c->arrays[i])));
    json_t *object = json_pack("{s:s, s:I, s:f, s:I, s:o}", "convoy", CVY_VERSION, "iterations",
                               (json_int_t)cvy_iterations(model), "learning_rate", cvy_learning_rate(model),
                               "epochs_done", (json_int_t)model->epochs_done, "crc32", checksums);
    if (fit)
        good &= !json_object_set(object, "fit", fit);
    char *text = object && good ? cvy_json_dump(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        cvy_fail_memory(status, "checkpoint", 0);
    return text;
}

/* Moves PATH.1 to PATH.2 and so on, and links PATH, which stays, as PATH.1. */
static bool keep_older(const char *path, int keep, cvy_status *status) {
    char from[PATH_MAX], to[PATH_MAX];
    for (int i = keep - 1; i > 0; i--) {
        if (snprintf(to, sizeof to, "%s.%d", path, i) >= (int)sizeof to)
            return cvy_fail(status, CVY_FAILED, path, "the path is too long");
        snprintf(from, sizeof from, i > 1 ? "%s.%d" : "%s", path, i - 1);
        if (i == 1)
            unlink(to);
        if ((i > 1 ? rename(from, to) : link(from, to)) < 0 && errno != ENOENT)
            return cvy_fail_errno(status, to, "cannot keep an older checkpoint under this name");
    }
    return true;
}

static bool write_content(const cvy_model *model, json_t *fit, const content *c, const char *path, cvy_status *status) {
    cvy_tensor *tensors = cvy_allocate(c->count, sizeof *tensors, "checkpoint", status);
    char *text = tensors ? describe(model, fit, c, status) : NULL;
    for (size_t i = 0; text && i < c->count; i++) {
        const cvy_array *array = &c->arrays[i];
        tensors[i] = (cvy_tensor){.name = array->name, .dtype = CVY_F32, .rank = array->rank, .data = array->values};
        memcpy(tensors[i].shape, array->shape, sizeof array->shape);
    }
    if (text)
        cvy_weights_write(model, path, tensors, c->count, text, status);
    free(tensors);
    free(text);
    return cvy_ok(status);
}

static bool save_all(cvy_model *model, json_t *fit, const char *path, int keep, cvy_status *status) {
    content c = {0};
    bool good = list_content(model, &c, status) && keep_older(path, keep, status) &&
                write_content(model, fit, &c, path, status);
    free(c.arrays);
    return good;
}

bool cvy_checkpoint_write(cvy_model *model, json_t *fit, const cvy_position *position, const char *path, int keep,
                          cvy_status *status) {
    if (json_object_set_new(fit, "position", describe_position(position)))
        return cvy_fail_memory(status, "checkpoint", 0);
    return save_all(model, fit, path, keep, status);
}

void cvy_checkpoint_save(cvy_model *model, const char *path, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (cvy_ready(model, status) && cvy_given(path, "path", status))
        save_all(model, NULL, path, 1, status);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* Parses and checks the metadata; the caller decrefs the object. */
static json_t *read_object(const cvy_safetensors *file, cvy_status *status) {
    const char *path = cvy_safetensors_path(file), *text = cvy_safetensors_metadata(file, "checkpoint");
    const char *crc = cvy_safetensors_metadata(file, "checkpoint_crc32");
    if (!text) {
        cvy_fail(status, CVY_FAILED, path, "holds weights, but is no checkpoint");
        return NULL;
    }
    char expected[9];
    cvy_metadata_crc32(cvy_safetensors_metadata(file, "network"), cvy_safetensors_metadata(file, "preprocessing"), text,
                       expected);
    json_error_t error;
    json_t *object = crc && !strcmp(crc, expected) ? cvy_json_load(text, strlen(text), &error) : NULL;
    if (!object)
        cvy_fail(status, CVY_FAILED, path, "the checkpoint is damaged: its header has another checksum");
    return object;
}

char *cvy_checkpoint_recipe(const char *path, cvy_status *status) {
    cvy_safetensors *file = cvy_safetensors_open(path, status);
    json_t *object = file ? read_object(file, status) : NULL;
    json_t *recipe = json_object_get(json_object_get(object, "fit"), "recipe");
    char *text = recipe ? cvy_json_dump(recipe, JSON_COMPACT) : NULL;
    if (object && !recipe)
        cvy_fail(status, CVY_FAILED, path, "the checkpoint holds no fit to go on with");
    else if (object && !text)
        cvy_fail_memory(status, path, 0);
    json_decref(object);
    cvy_safetensors_close(file);
    return text;
}

/* The file's tensor for an array; NULL on an error. */
static const cvy_tensor *find(const cvy_safetensors *file, json_t *checksums, const cvy_array *array,
                              cvy_status *status) {
    const char *path = cvy_safetensors_path(file);
    const cvy_tensor *tensor = cvy_safetensors_find(file, array->name);
    if (!tensor || tensor->dtype != CVY_F32 || tensor->rank != array->rank ||
        memcmp(tensor->shape, array->shape, (size_t)array->rank * sizeof *array->shape) != 0) {
        cvy_fail(status, CVY_FAILED, path, "the checkpoint is of another network or optimizer: it %s tensor \"%s\"",
                 tensor ? "has another" : "has no", array->name);
        return NULL;
    }
    const uint32_t crc = libdeflate_crc32(0, tensor->data, cvy_tensor_bytes(tensor));
    if (json_integer_value(json_object_get(checksums, array->name)) == (json_int_t)crc)
        return tensor;
    cvy_fail(status, CVY_FAILED, path, "the checkpoint is damaged: tensor \"%s\" has another checksum", array->name);
    return NULL;
}

static bool read_content(cvy_model *model, const cvy_safetensors *file, json_t *object, const content *c,
                         cvy_status *status) {
    json_t *checksums = json_object_get(object, "crc32");
    json_int_t iterations, epochs_done;
    double learning_rate;
    const cvy_tensor **tensors = cvy_allocate(c->count, sizeof *tensors, "checkpoint", status);
    /* All is checked first: a file that does not fit leaves the model as it was. */
    for (size_t i = 0; tensors && i < c->count && cvy_ok(status); i++)
        tensors[i] = find(file, checksums, &c->arrays[i], status);
    if (cvy_ok(status) && (json_unpack(object, "{s:I, s:F, s:I}", "iterations", &iterations, "learning_rate",
                                       &learning_rate, "epochs_done", &epochs_done) ||
                           iterations < 0 || !(learning_rate > 0) || epochs_done < 0 || epochs_done > UINT32_MAX))
        cvy_fail(status, CVY_FAILED, cvy_safetensors_path(file), "the checkpoint's counters make no sense");
    if (cvy_ok(status)) {
        for (size_t i = 0; i < c->count; i++)
            memcpy(c->arrays[i].values, tensors[i]->data, cvy_tensor_bytes(tensors[i]));
        cvy_set_iterations(model, (uint64_t)iterations, status);
        cvy_set_learning_rate(model, learning_rate, status);
        model->epochs_done = (uint32_t)epochs_done;
    }
    free(tensors);
    return cvy_ok(status);
}

void cvy_checkpoint_load(cvy_model *model, const char *path, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_may(model, CVY_IDLE, status) || !cvy_ready(model, status) || !cvy_given(path, "path", status))
        return;
    cvy_safetensors *file = cvy_safetensors_open(path, status);
    json_t *object = file ? read_object(file, status) : NULL;
    content c = {0};
    if (object && list_content(model, &c, status) && read_content(model, file, object, &c, status)) {
        json_decref(model->checkpoint);
        model->checkpoint = json_is_object(json_object_get(object, "fit")) ? json_incref(object) : NULL;
    }
    free(c.arrays);
    json_decref(object);
    cvy_safetensors_close(file);
}
