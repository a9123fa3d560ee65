#include "keras_tree.h"

#include "../base/memory.h"
#include "weights.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t cvy_keras_most(const cvy_model *model) {
    /* Keras's optimizers have up to four slots a parameter, a few others more. */
    return 8 * sizeof(float) * cvy_trainer_variables(model->trainer)->parameters + 4096;
}

/* How many variables a layer has. */
static int variables_of(const cvy_layer *layer) {
    if (layer->kind != CVY_LAYER_CONV2D && layer->kind != CVY_LAYER_DENSE)
        return 0;
    return 1 + layer->use_bias;
}

/* "conv2d_1": layer i is the second of its class. */
static void class_path(const cvy_network *network, int i, char path[static 64]) {
    int before = 0;
    for (int k = 0; k < i; k++)
        before += network->layers[k].kind == network->layers[i].kind;
    int length = snprintf(path, 64, "%s", cvy_layer_stem(network->layers[i].kind));
    if (before)
        snprintf(path + length, 64 - (size_t)length, "_%d", before);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static bool add_text(cvy_node *group, const char *name, const char *text, cvy_status *status) {
    return group && cvy_tree_attach(group, name, false, 1, &text, status);
}

static cvy_node *add_floats(cvy_node *group, const char *name, int rank, const size_t *shape, const float *values,
                            cvy_status *status) {
    cvy_node *array = group ? cvy_tree_add(group, name, CVY_NODE_FLOATS, rank, shape, status) : NULL;
    if (!array || !cvy_tree_allocate(array, status))
        return NULL;
    memcpy(array->floats, values, array->count * sizeof *values);
    return array;
}

static bool add_iteration(cvy_node *group, const char *name, uint64_t iteration, cvy_status *status) {
    cvy_node *array = group ? cvy_tree_add(group, name, CVY_NODE_INTEGERS, 0, NULL, status) : NULL;
    if (!array || !cvy_tree_allocate(array, status))
        return false;
    *array->integers = (int64_t)iteration;
    return true;
}

/* Keras's Sequential has no InputLayer among its layers. */
static int first_layer(const cvy_network *network) {
    return network->sequential ? 1 : 0;
}

static bool fill_layers(cvy_model *model, const cvy_network *network, cvy_node *root, cvy_status *status) {
    int next = 0; /* of the model's variables */
    for (int i = first_layer(network); i < network->count && cvy_ok(status); i++) {
        char path[80] = "layers/", name[16];
        class_path(network, i, path + strlen(path));
        cvy_node *layer = cvy_tree_group(root, path, status);
        cvy_node *vars = layer ? cvy_tree_group(layer, "vars", status) : NULL;
        add_text(vars, "name", network->layers[i].name, status);
        for (int k = 0; k < variables_of(&network->layers[i]) && cvy_ok(status); k++) {
            cvy_array array = cvy_weight(model, next++, status);
            snprintf(name, sizeof name, "%d", k);
            add_floats(vars, name, array.rank, array.shape, array.values, status);
        }
    }
    return cvy_ok(status);
}

bool cvy_keras_fill(const cvy_model *model, const cvy_network *network, cvy_node *root, cvy_status *status) {
    cvy_model *own = (cvy_model *)model; /* whose arrays are only read */
    const cvy_optimizer_settings *settings = &cvy_trainer_optimizer(model->trainer)->settings;
    const float rate = (float)settings->learning_rate;
    char name[16];
    if (!fill_layers(own, network, root, status) ||
        !add_text(cvy_tree_group(root, "vars", status), "name", network->name, status))
        return false;
    cvy_node *vars = cvy_tree_group(root, "optimizer/vars", status);
    add_text(vars, "name", cvy_optimizer_snake_name(settings->kind), status);
    add_iteration(vars, "0", cvy_iterations(model), status);
    add_floats(vars, "1", 0, NULL, &rate, status);
    cvy_array array;
    for (int i = 0; (array = cvy_optimizer_variable(own, i, status)).values && cvy_ok(status); i++) {
        snprintf(name, sizeof name, "%d", 2 + i);
        add_floats(vars, name, array.rank, array.shape, array.values, status);
    }
    return cvy_ok(status);
}

/* Adds an array at its own path within the group. */
static bool add_path(cvy_node *group, const cvy_array *array, cvy_status *status) {
    char within[sizeof array->name];
    memcpy(within, array->name, sizeof within);
    char *slash = strrchr(within, '/');
    *slash = 0;
    return add_floats(cvy_tree_group(group, within, status), slash + 1, array->rank, array->shape, array->values,
                      status);
}

/* model_weights/NAME with the layer's variables, and the attribute that lists them. */
static bool fill_legacy_layer(cvy_model *model, const cvy_layer *layer, int first, cvy_node *weights,
                              cvy_status *status) {
    cvy_array arrays[2];
    const char *names[2];
    int count = variables_of(layer);
    cvy_node *group = cvy_tree_add(weights, layer->name, CVY_NODE_GROUP, 0, NULL, status);
    for (int k = 0; k < count && group && cvy_ok(status); k++) {
        arrays[k] = cvy_weight(model, first + k, status);
        names[k] = arrays[k].name;
        add_path(group, &arrays[k], status);
    }
    return group && cvy_tree_attach(group, "weight_names", true, (size_t)count, names, status);
}

static bool fill_legacy_layers(cvy_model *model, const cvy_network *network, cvy_node *weights, cvy_status *status) {
    const char **names = cvy_allocate((size_t)network->count, sizeof *names, "names", status);
    size_t count = 0;
    for (int i = first_layer(network), next = 0; names && i < network->count && cvy_ok(status); i++) {
        names[count++] = network->layers[i].name;
        fill_legacy_layer(model, &network->layers[i], next, weights, status);
        next += variables_of(&network->layers[i]);
    }
    if (cvy_ok(status) && cvy_tree_attach(weights, "layer_names", true, count, names, status)) {
        /* Weights of the model itself, of which there are none. */
        cvy_node *top = cvy_tree_add(weights, "top_level_model_weights", CVY_NODE_GROUP, 0, NULL, status);
        if (top)
            cvy_tree_attach(top, "weight_names", true, 0, NULL, status);
    }
    free(names);
    return cvy_ok(status);
}

static bool fill_legacy_optimizer(cvy_model *model, cvy_node *root, cvy_status *status) {
    const cvy_optimizer_settings *settings = &cvy_trainer_optimizer(model->trainer)->settings;
    int count = 2 + cvy_optimizer_slots(settings) * cvy_trainer_variables(model->trainer)->count;
    float rate = (float)settings->learning_rate;
    cvy_array *arrays = cvy_allocate((size_t)count, sizeof *arrays, "names", status);
    const char **names = cvy_allocate((size_t)count, sizeof *names, "names", status);
    cvy_node *weights = cvy_tree_group(root, "optimizer_weights", status);
    const char *prefix = cvy_optimizer_snake_name(settings->kind);
    for (int i = 0; cvy_ok(status) && i < count; i++) {
        if (i >= 2)
            arrays[i] = cvy_optimizer_variable(model, i - 2, status);
        else
            snprintf(arrays[i].name, sizeof arrays[i].name, "%s/%s", prefix, i ? "learning_rate" : "iteration");
        names[i] = arrays[i].name;
        if (i == 0)
            add_iteration(cvy_tree_group(weights, prefix, status), "iteration", cvy_iterations(model), status);
        else if (i == 1)
            arrays[i].values = &rate;
        if (i > 0)
            add_path(weights, &arrays[i], status);
    }
    if (cvy_ok(status))
        cvy_tree_attach(weights, "weight_names", true, (size_t)count, names, status);
    free(names);
    free(arrays);
    return cvy_ok(status);
}

bool cvy_keras_fill_legacy(const cvy_model *model, const cvy_network *network, cvy_node *root, cvy_status *status) {
    cvy_model *own = (cvy_model *)model; /* whose arrays are only read */
    cvy_node *weights = cvy_tree_group(root, "model_weights", status);
    return weights && fill_legacy_layers(own, network, weights, status) &&
           add_text(weights, "backend", "tensorflow", status) && add_text(weights, "keras_version", "3.0.0", status) &&
           fill_legacy_optimizer(own, root, status);
}

/* ---- What a file holds ------------------------------------------------------------------------------------------ */

/* The arrays of a file in the order of the model's, and the optimizer's. */
typedef struct found {
    int count, capacity;
    const cvy_node **list;
} found;

static bool append(found *arrays, const cvy_node *array, cvy_status *status) {
    if (arrays->count == arrays->capacity) {
        int capacity = 2 * arrays->capacity + 16;
        const cvy_node **list = cvy_allocate((size_t)capacity, sizeof *list, "arrays", status);
        if (!list)
            return false;
        if (arrays->count)
            memcpy(list, arrays->list, (size_t)arrays->count * sizeof *list);
        free(arrays->list);
        *arrays = (found){arrays->count, capacity, list};
    }
    arrays->list[arrays->count++] = array;
    return true;
}

/* Appends vars/0, vars/1, ... of a group. */
static bool append_vars(found *arrays, const cvy_node *group, cvy_status *status) {
    const cvy_node *vars = cvy_tree_find(group, "vars"), *array;
    char name[16];
    for (int i = 0; vars; i++) {
        snprintf(name, sizeof name, "%d", i);
        if (!(array = cvy_tree_find(vars, name)) || array->kind == CVY_NODE_GROUP)
            break;
        if (!append(arrays, array, status))
            return false;
    }
    return true;
}

/* Text i of an attribute. Keras cuts a long list into NAME0, NAME1, ... */
static const char *listed(const cvy_node *group, const char *attribute, size_t i) {
    char name[32];
    const cvy_texts *texts = cvy_tree_texts(group, attribute);
    for (int part = 0; part == 0 || texts; part++) {
        if (texts && i < texts->count)
            return texts->list[i];
        i -= texts ? texts->count : 0;
        snprintf(name, sizeof name, "%s%d", attribute, part);
        texts = cvy_tree_texts(group, name);
    }
    return NULL;
}

/* Appends the arrays that a group's weight_names list. */
static bool append_listed(found *arrays, const cvy_node *group, const char *path, cvy_status *status) {
    const char *name;
    for (size_t i = 0; (name = listed(group, "weight_names", i)); i++) {
        const cvy_node *array = cvy_tree_find(group, name);
        if (!array || array->kind == CVY_NODE_GROUP)
            return cvy_fail(status, CVY_FAILED, path, "\"%.80s\" lists an array \"%.200s\" that it does not hold",
                            group->name, name);
        if (!append(arrays, array, status))
            return false;
    }
    return true;
}

/* ---- Weights ---------------------------------------------------------------------------------------------------- */

static void shape_text(int rank, const size_t *shape, char text[static 96]) {
    int length = snprintf(text, 96, "(");
    for (int i = 0; i < rank; i++)
        length += snprintf(text + length, 96 - (size_t)length, "%s%zu", i ? ", " : "", shape[i]);
    snprintf(text + length, 96 - (size_t)length, ")");
}

/* Appends the shapes of variables or, if `arrays` is not NULL, of arrays. */
static size_t list_shapes(const cvy_variables *variables, const found *arrays, size_t size, char *text) {
    char shape[96];
    int count = arrays ? arrays->count : variables->count;
    size_t length = (size_t)snprintf(text, size, "%d arrays", count);
    for (int i = 0; i < count && length + sizeof shape < size; i++) {
        if (arrays)
            shape_text(arrays->list[i]->rank, arrays->list[i]->shape, shape);
        else
            shape_text(variables->list[i].rank, variables->list[i].shape, shape);
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : ": ", shape);
    }
    return length;
}

/* What the weights of a file are: those of the network's layers, and all that it holds. */
typedef struct file_weights {
    found own, all;
} file_weights;

static bool check_weights(const cvy_variables *variables, const file_weights *weights, const char *path,
                          cvy_status *status) {
    bool fits = weights->own.count == variables->count && weights->all.count == variables->count;
    for (int i = 0; fits && i < variables->count; i++) {
        const cvy_node *array = weights->own.list[i];
        const cvy_variable *variable = &variables->list[i];
        fits = array->kind == CVY_NODE_FLOATS && array->rank == variable->rank &&
               !memcmp(array->shape, variable->shape, (size_t)array->rank * sizeof *array->shape);
    }
    for (int i = 0; fits && i < variables->count; i++)
        if (!cvy_weights_finite(&variables->list[i], weights->own.list[i]->floats, path, status))
            return false;
    if (fits)
        return true;
    char network[900], file[900];
    list_shapes(variables, NULL, sizeof network, network);
    list_shapes(variables, &weights->all, sizeof file, file);
    return cvy_fail(status, CVY_FAILED, path, "its weights are not the network's: it holds %s; the network has %s",
                    file, network);
}

/* Keras 3: by class and number. Early files have another name for "layers". */
static bool find_weights(const cvy_network *network, const cvy_node *root, file_weights *weights, cvy_status *status) {
    const cvy_node *layers = cvy_tree_find(root, "layers");
    if (!layers)
        layers = cvy_tree_find(root, "_layer_checkpoint_dependencies");
    for (int i = 1; layers && i < network->count; i++) {
        char name[64];
        class_path(network, i, name);
        const cvy_node *layer = variables_of(&network->layers[i]) ? cvy_tree_find(layers, name) : NULL;
        if (layer && !append_vars(&weights->own, layer, status))
            return false;
    }
    for (const cvy_node *layer = layers ? layers->first : NULL; layer; layer = layer->next)
        if (!append_vars(&weights->all, layer, status))
            return false;
    return true;
}

/* Keras 2: in the order of the attributes. */
static bool find_legacy_weights(const cvy_node *group, const char *path, file_weights *weights, cvy_status *status) {
    const char *name;
    for (size_t i = 0; (name = listed(group, "layer_names", i)); i++) {
        const cvy_node *layer = cvy_tree_find(group, name);
        if (!layer)
            return cvy_fail(status, CVY_FAILED, path, "lists a layer \"%.80s\" that it does not hold", name);
        if (!append_listed(&weights->own, layer, path, status) || !append_listed(&weights->all, layer, path, status))
            return false;
    }
    return true;
}

/* ---- The optimizer ---------------------------------------------------------------------------------------------- */

/* Whether the file's optimizer may be the model's. Without a known name the slots decide. */
static bool same_kind(const cvy_model *model, const char *name) {
    cvy_optimizer_kind own = cvy_trainer_optimizer(model->trainer)->settings.kind;
    for (cvy_optimizer_kind kind = CVY_SGD; name && kind <= CVY_ADAMW; kind++)
        if (!strcasecmp(name, cvy_optimizer_name(kind)) || !strcmp(name, cvy_optimizer_snake_name(kind)))
            return kind == own;
    return true;
}

/* Whether the arrays are the iteration, the learning rate and the model's slots. */
static bool same_slots(cvy_model *model, const found *state) {
    cvy_array slot;
    if (state->count < 2 || state->list[0]->kind != CVY_NODE_INTEGERS || state->list[0]->count != 1 ||
        state->list[1]->kind != CVY_NODE_FLOATS || state->list[1]->count != 1)
        return false;
    int i = 2;
    for (; (slot = cvy_optimizer_variable(model, i - 2, NULL)).values; i++) {
        const cvy_node *array = i < state->count ? state->list[i] : NULL;
        if (!array || array->kind != CVY_NODE_FLOATS || array->rank != slot.rank ||
            memcmp(array->shape, slot.shape, (size_t)slot.rank * sizeof *slot.shape))
            return false;
    }
    return i == state->count;
}

/* In double the model's learning rate may have more digits than the file's float: then it stays. */
static bool take_state(cvy_model *model, const found *state, const char *path, cvy_status *status) {
    const int64_t iterations = *state->list[0]->integers;
    const float rate = *state->list[1]->floats;
    if (iterations < 0 || !(rate > 0 && isfinite(rate)))
        return cvy_fail(status, CVY_FAILED, path, "its optimizer has done %" PRId64 " steps at a learning rate of %g",
                        iterations, (double)rate);
    for (int i = 2; i < state->count; i++) {
        cvy_array slot = cvy_optimizer_variable(model, i - 2, status);
        memcpy(slot.values, state->list[i]->floats, slot.count * sizeof *slot.values);
    }
    cvy_set_iterations(model, (uint64_t)iterations, status);
    if (rate != (float)cvy_learning_rate(model))
        cvy_set_learning_rate(model, (double)rate, status);
    return cvy_ok(status);
}

/* ---- Both ------------------------------------------------------------------------------------------------------- */

static bool find_all(const cvy_model *model, const cvy_node *root, const char *path, file_weights *weights,
                     found *state, cvy_status *status) {
    const cvy_node *legacy = cvy_tree_find(root, "model_weights");
    if (!legacy && listed(root, "layer_names", 0))
        legacy = root;
    const cvy_node *optimizer = cvy_tree_find(root, legacy ? "optimizer_weights" : "optimizer");
    if (!legacy)
        return find_weights(model->network, root, weights, status) &&
               (!optimizer || append_vars(state, optimizer, status));
    /* Keras 2 has other slots, in another order. */
    const char *version = cvy_tree_text(root, "keras_version");
    bool takes_state = optimizer && version && version[0] == '3';
    return find_legacy_weights(legacy, path, weights, status) &&
           (!takes_state || append_listed(state, optimizer, path, status));
}

bool cvy_keras_take(cvy_model *model, const cvy_node *root, const char *optimizer, const char *path,
                    cvy_status *status) {
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    file_weights weights = {0};
    found state = {0};
    if (!optimizer && cvy_tree_find(root, "optimizer/vars"))
        optimizer = cvy_tree_text(cvy_tree_find(root, "optimizer/vars"), "name");
    if (find_all(model, root, path, &weights, &state, status) && check_weights(variables, &weights, path, status) &&
        (!same_kind(model, optimizer) || !same_slots(model, &state) || take_state(model, &state, path, status)))
        for (int i = 0; i < variables->count; i++)
            memcpy(cvy_trainer_parameters(model->trainer) + variables->list[i].offset, weights.own.list[i]->floats,
                   variables->list[i].count * sizeof(float));
    free(weights.own.list);
    free(weights.all.list);
    free(state.list);
    return cvy_ok(status);
}
