/* The networks that need no file. All take raw pixels, 0 to 255. */
#include "network.h"

#include <string.h>
#include <unistd.h>

const char *const cvy_network_builtin_names[] = {"lesson", "lesson-avg", "lenet5", NULL};

static void add_input(cvy_network *network, cvy_status *status) {
    cvy_layer layer = cvy_layer_default(CVY_LAYER_INPUT);
    layer.output = (cvy_shape){3, 28, 28, 1};
    cvy_network_add(network, &layer, status);
}

static void add_conv5x5(cvy_network *network, int filters, cvy_activation_name activation, cvy_status *status) {
    cvy_layer layer = cvy_layer_default(CVY_LAYER_CONV2D);
    layer.units = filters;
    layer.kernel_size[0] = layer.kernel_size[1] = 5;
    layer.activation = activation;
    cvy_network_add(network, &layer, status);
}

/* A layer that has no settings, or Keras's: 2 x 2 for pooling. */
static void add_default(cvy_network *network, cvy_layer_kind kind, cvy_status *status) {
    cvy_layer layer = cvy_layer_default(kind);
    cvy_network_add(network, &layer, status);
}

static void add_dense(cvy_network *network, int units, cvy_activation_name activation, cvy_status *status) {
    cvy_layer layer = cvy_layer_default(CVY_LAYER_DENSE);
    layer.units = units;
    layer.activation = activation;
    cvy_network_add(network, &layer, status);
}

/* The beginner's network: 9,532 parameters. */
static void build_lesson(cvy_network *network, cvy_layer_kind pooling, cvy_status *status) {
    add_input(network, status);
    add_conv5x5(network, 3, CVY_SILU, status);
    add_default(network, pooling, status);
    add_conv5x5(network, 6, CVY_SILU, status);
    add_default(network, pooling, status);
    add_default(network, CVY_LAYER_FLATTEN, status);
    add_dense(network, 84, CVY_SILU, status);
    add_dense(network, 10, CVY_SOFTMAX, status);
}

/* LeNet-5 as it is taught today, with relu, max-pooling and every map of the second convolution seeing all of the
 * first: 44,426 parameters. */
static void build_lenet5(cvy_network *network, cvy_status *status) {
    add_input(network, status);
    add_conv5x5(network, 6, CVY_RELU, status);
    add_default(network, CVY_LAYER_MAX_POOLING2D, status);
    add_conv5x5(network, 16, CVY_RELU, status);
    add_default(network, CVY_LAYER_MAX_POOLING2D, status);
    add_default(network, CVY_LAYER_FLATTEN, status);
    add_dense(network, 120, CVY_RELU, status);
    add_dense(network, 84, CVY_RELU, status);
    add_dense(network, 10, CVY_SOFTMAX, status);
}

bool cvy_network_is_builtin(const char *name) {
    for (int i = 0; cvy_network_builtin_names[i]; i++)
        if (!strcmp(name, cvy_network_builtin_names[i]))
            return true;
    return false;
}

cvy_network *cvy_network_builtin(const char *name, cvy_status *status) {
    bool lesson = !strcmp(name, "lesson"), average = !strcmp(name, "lesson-avg"), lenet5 = !strcmp(name, "lenet5");
    if (!lesson && !average && !lenet5)
        return NULL;
    cvy_network *network = cvy_network_new(NULL, false, status);
    if (!network)
        return NULL;
    if (lenet5)
        build_lenet5(network, status);
    else
        build_lesson(network, average ? CVY_LAYER_AVERAGE_POOLING2D : CVY_LAYER_MAX_POOLING2D, status);
    if (!cvy_ok(status)) {
        cvy_network_free(network);
        return NULL;
    }
    return network;
}

cvy_network *cvy_network_from(const char *name_or_file, char **description, cvy_status *status) {
    cvy_network *network = cvy_network_builtin(name_or_file, status);
    if (network && description && !(*description = strdup(name_or_file))) {
        cvy_fail_memory(status, "model", strlen(name_or_file) + 1);
        cvy_network_free(network);
        return NULL;
    }
    if (network || !cvy_ok(status))
        return network;
    if (access(name_or_file, F_OK)) {
        cvy_fail(status, CVY_FAILED, name_or_file, "no such file, nor a built-in network (lesson, lesson-avg, lenet5)");
        return NULL;
    }
    return cvy_network_from_json_file(name_or_file, description, status);
}
