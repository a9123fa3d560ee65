/* Keras's files: .keras is a zip archive of metadata.json, config.json and model.weights.h5; .weights.h5 is that last
 * member; .h5 has the JSON in attributes. HDF5 becomes a tree (hdf5/), and the tree a model's variables
 * (keras_tree.c). */
#include "keras_file.h"

#include "../base/archive.h"
#include "../base/file.h"
#include "../base/json.h"
#include "../base/memory.h"
#include "../hdf5/hdf5_file.h"
#include "../io/atomic_file.h"
#include "../model/network_json.h"
#include "keras_tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes. Of HDF5 files: those are read whole. */
enum { JSON_MAX = 16 << 20, HDF5_MAX = 1 << 30 };

static const char config_name[] = "config.json", weights_name[] = "model.weights.h5";

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static void *read_whole(const char *path, size_t *length, cvy_status *status) {
    cvy_file file;
    if (!cvy_file_open(path, &file, status))
        return NULL;
    void *bytes = NULL;
    if (file.length > HDF5_MAX)
        cvy_fail(status, CVY_FAILED, path, "an HDF5 file of %zu bytes, expected at most %d", file.length, HDF5_MAX);
    else
        bytes = cvy_allocate_unset(file.length, path, status);
    if (bytes)
        cvy_file_read(&file, 0, bytes, *length = file.length, status);
    cvy_file_close(&file);
    if (cvy_ok(status))
        return bytes;
    free(bytes);
    return NULL;
}

static void *read_member(const char *path, const char *name, size_t most, size_t *length, cvy_status *status) {
    cvy_zip *archive = cvy_zip_open(path, status);
    void *bytes = archive ? cvy_zip_read(archive, name, most, length, status) : NULL;
    cvy_zip_close(archive);
    return bytes;
}

/* The HDF5 file, or the one within an archive, whose arrays take at most `most` bytes. */
static cvy_node *read_tree(const char *path, cvy_file_kind kind, size_t most, cvy_status *status) {
    char origin[sizeof status->where];
    size_t length;
    bool archive = kind == CVY_FILE_KERAS;
    /* HDF5's own data about an array takes some kilobytes. */
    void *bytes = archive ? read_member(path, weights_name, 16 * most + (8 << 20), &length, status)
                          : read_whole(path, &length, status);
    snprintf(origin, sizeof origin, "%.400s%s%s", path, archive ? ": " : "", archive ? weights_name : "");
    cvy_node *root = bytes ? cvy_hdf5_read(origin, bytes, length, most, status) : NULL;
    free(bytes);
    return root;
}

/* What .h5 has in an attribute. */
static json_t *read_attribute(const cvy_node *root, const char *name, const char *path, cvy_status *status) {
    char origin[sizeof status->where];
    const char *text = cvy_tree_text(root, name);
    snprintf(origin, sizeof origin, "%.400s: %s", path, name);
    return text ? cvy_json_parse(text, strlen(text), origin, status) : NULL;
}

/* The model of an .h5 file as model.to_json() gives it. */
static char *network_of_tree(const cvy_node *root, const char *path, cvy_status *status) {
    if (!cvy_tree_text(root, "model_config")) {
        cvy_fail(status, CVY_FAILED, path, "holds weights, but no network: that must come from elsewhere (--model)");
        return NULL;
    }
    json_t *model = read_attribute(root, "model_config", path, status);
    json_t *training = model ? read_attribute(root, "training_config", path, status) : NULL;
    char *text = NULL;
    if (training)
        json_object_set_new(model, "compile_config", training);
    if (cvy_ok(status) && !(text = cvy_json_dump(model, JSON_COMPACT)))
        cvy_fail(status, CVY_FAILED, path, "no memory for its network");
    json_decref(model);
    return text;
}

char *cvy_keras_network(const char *path, cvy_file_kind kind, cvy_status *status) {
    size_t length;
    if (kind == CVY_FILE_KERAS)
        return read_member(path, config_name, JSON_MAX, &length, status);
    cvy_node *root = read_tree(path, kind, 0, status);
    char *text = root ? network_of_tree(root, path, status) : NULL;
    cvy_tree_free(root);
    return text;
}

/* The class of the file's optimizer, from its JSON; the caller frees it. NULL where there is none. */
static char *optimizer_of(const char *path, cvy_file_kind kind, const cvy_node *root) {
    cvy_status status = {0};
    char *text = NULL;
    json_t *model = NULL;
    if (kind == CVY_FILE_KERAS || cvy_tree_text(root, "model_config"))
        text = kind == CVY_FILE_KERAS ? cvy_keras_network(path, kind, &status) : network_of_tree(root, path, &status);
    if (text)
        model = cvy_json_parse(text, strlen(text), path, &status);
    const json_t *config = json_object_get(model, "compile_config"), *optimizer = json_object_get(config, "optimizer");
    if (!optimizer)
        optimizer = json_object_get(config, "optimizer_config");
    const char *name =
        json_string_value(json_is_object(optimizer) ? json_object_get(optimizer, "class_name") : optimizer);
    char *copy = name ? strdup(name) : NULL;
    json_decref(model);
    free(text);
    return copy;
}

bool cvy_keras_load(cvy_model *model, const char *path, cvy_file_kind kind, cvy_status *status) {
    cvy_node *root = read_tree(path, kind, cvy_keras_most(model), status);
    if (root) {
        char *optimizer = optimizer_of(path, kind, root);
        cvy_keras_take(model, root, optimizer, path, status);
        free(optimizer);
    }
    cvy_tree_free(root);
    return cvy_ok(status);
}

/* ---- Preprocessing as layers ------------------------------------------------------------------------------------ */

/* Both sides read Rescaling and AveragePooling2D; the rest has no layer. */
static bool check_preprocessing(const cvy_preprocessing *p, const char *path, cvy_status *status) {
    const char *what = p->deskew ? "deskew" : p->center_crop[0] ? "center_crop" : p->test_shift ? "test_shift" : NULL;
    return !what ||
           cvy_fail(status, CVY_FAILED, path,
                    "the preprocessing %s cannot be written as a layer of Keras; .safetensors can hold it", what);
}

static bool add_preprocessing(cvy_network *network, const cvy_preprocessing *p, cvy_status *status) {
    const double deviation = sqrt(p->variance);
    cvy_layer rescaling = cvy_layer_default(CVY_LAYER_RESCALING);
    rescaling.scale = p->scale / deviation;
    rescaling.offset = (p->offset - p->mean) / deviation;
    snprintf(rescaling.name, sizeof rescaling.name, "preprocessing_rescaling");
    if ((rescaling.scale != 1 || rescaling.offset != 0) && !cvy_network_add(network, &rescaling, status))
        return false;
    cvy_layer pooling = cvy_layer_default(CVY_LAYER_AVERAGE_POOLING2D);
    memcpy(pooling.kernel_size, p->average_pooling, sizeof pooling.kernel_size);
    snprintf(pooling.name, sizeof pooling.name, "preprocessing_average_pooling2d");
    return !p->average_pooling[0] || cvy_network_add(network, &pooling, status);
}

/* The model's network with its preprocessing as the first layers. The caller frees it. */
static cvy_network *network_to_write(const cvy_model *model, const char *path, cvy_status *status) {
    const cvy_preprocessing *p = &model->preprocessing;
    if (!check_preprocessing(p, path, status))
        return NULL;
    cvy_network *network = cvy_network_new(model->network->name, model->network->sequential, status);
    for (int i = 0; network && i < model->network->count && cvy_ok(status); i++) {
        cvy_layer layer = model->network->layers[i];
        if (i == 0 && p->average_pooling[0]) {
            layer.output.height *= p->average_pooling[0];
            layer.output.width *= p->average_pooling[1];
        }
        if (cvy_network_add(network, &layer, status) && i == 0)
            add_preprocessing(network, p, status);
    }
    if (cvy_ok(status))
        return network;
    cvy_network_free(network);
    return NULL;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static bool write_bytes(const char *path, const void *bytes, size_t count, cvy_status *status) {
    cvy_atomic_file file;
    if (!cvy_ok(status) || !cvy_atomic_begin(path, &file, status))
        return false;
    cvy_atomic_write(&file, bytes, count, status);
    return cvy_atomic_commit(&file, status);
}

/* What model.to_json() gives, of the network as it is written. */
static json_t *describe(const cvy_model *model, const cvy_network *network, const char *path, cvy_status *status) {
    json_t *description = cvy_network_to_json(network, status);
    if (!description || json_object_set_new(description, "compile_config", cvy_model_compile_config(model)) == 0)
        return description;
    cvy_fail(status, CVY_FAILED, path, "no memory for its network");
    json_decref(description);
    return NULL;
}

static void *tree_bytes(const cvy_model *model, const cvy_network *network, const char *path, size_t *count,
                        cvy_status *status) {
    cvy_node *root = cvy_tree_new(status);
    void *bytes =
        root && cvy_keras_fill(model, network, root, status) ? cvy_hdf5_write(path, root, count, status) : NULL;
    cvy_tree_free(root);
    return bytes;
}

bool cvy_keras_save_weights(const cvy_model *model, const char *path, cvy_status *status) {
    size_t count = 0;
    void *bytes = tree_bytes(model, model->network, path, &count, status);
    write_bytes(path, bytes, count, status);
    free(bytes);
    return cvy_ok(status);
}

bool cvy_keras_save(const cvy_model *model, const char *path, cvy_status *status) {
    static const char metadata[] = "{\"keras_version\": \"3.15.1\", \"date_saved\": \"2026-01-01@00:00:00\"}";
    size_t weights = 0, count = 0;
    void *archive = NULL;
    cvy_network *network = network_to_write(model, path, status);
    json_t *description = network ? describe(model, network, path, status) : NULL;
    char *config = description ? cvy_json_dump(description, JSON_ENSURE_ASCII) : NULL;
    void *bytes = config ? tree_bytes(model, network, path, &weights, status) : NULL;
    if (description && !config)
        cvy_fail(status, CVY_FAILED, path, "no memory for its network");
    if (bytes) {
        const cvy_zip_member members[] = {{"metadata.json", metadata, sizeof metadata - 1},
                                          {config_name, config, strlen(config)},
                                          {weights_name, bytes, weights}};
        archive = cvy_zip_write(path, members, 3, &count, status);
    }
    write_bytes(path, archive, count, status);
    free(archive);
    free(bytes);
    free(config);
    json_decref(description);
    cvy_network_free(network);
    return cvy_ok(status);
}

/* Attaches JSON to the root. */
static bool attach(cvy_node *root, const char *name, const json_t *value, const char *path, cvy_status *status) {
    char *text = cvy_json_dump(value, 0);
    if (!text)
        return cvy_fail(status, CVY_FAILED, path, "no memory for its network");
    cvy_tree_attach(root, name, false, 1, (const char *const *)&text, status);
    free(text);
    return cvy_ok(status);
}

/* model_config is what to_json() gives without how the model is trained; that is training_config. */
static bool attach_description(cvy_node *root, json_t *description, const char *path, cvy_status *status) {
    static const char *const texts[] = {"3.0.0", "tensorflow"};
    json_t *training = json_incref(json_object_get(description, "compile_config"));
    json_t *optimizer = json_object_get(training, "optimizer");
    json_object_del(description, "compile_config");
    if (optimizer) {
        json_object_set(training, "optimizer_config", optimizer);
        json_object_del(training, "optimizer");
    }
    bool good = cvy_tree_attach(root, "keras_version", false, 1, &texts[0], status) &&
                cvy_tree_attach(root, "backend", false, 1, &texts[1], status) &&
                attach(root, "model_config", description, path, status) &&
                (!training || attach(root, "training_config", training, path, status));
    json_decref(training);
    return good;
}

bool cvy_keras_save_legacy(const cvy_model *model, const char *path, cvy_status *status) {
    size_t count = 0;
    void *bytes = NULL;
    cvy_network *network = network_to_write(model, path, status);
    json_t *description = network ? describe(model, network, path, status) : NULL;
    cvy_node *root = description ? cvy_tree_new(status) : NULL;
    if (root && attach_description(root, description, path, status) &&
        cvy_keras_fill_legacy(model, network, root, status))
        bytes = cvy_hdf5_write(path, root, &count, status);
    write_bytes(path, bytes, count, status);
    free(bytes);
    cvy_tree_free(root);
    json_decref(description);
    cvy_network_free(network);
    return cvy_ok(status);
}
