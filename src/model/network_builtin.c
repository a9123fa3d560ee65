/* The built-in networks. All take pixels from 0 to 255. */
#include "network.h"

#include <string.h>
#include <unistd.h>

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

/* A layer with Keras's defaults: windows of 2 x 2 for pooling. */
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
static void build_with_pooling(cvy_network *network, cvy_layer_kind pooling, cvy_status *status) {
    add_input(network, status);
    add_conv5x5(network, 3, CVY_SILU, status);
    add_default(network, pooling, status);
    add_conv5x5(network, 6, CVY_SILU, status);
    add_default(network, pooling, status);
    add_default(network, CVY_LAYER_FLATTEN, status);
    add_dense(network, 84, CVY_SILU, status);
    add_dense(network, 10, CVY_SOFTMAX, status);
}

static void build_lesson(cvy_network *network, cvy_status *status) {
    build_with_pooling(network, CVY_LAYER_MAX_POOLING2D, status);
}

static void build_lesson_avg(cvy_network *network, cvy_status *status) {
    build_with_pooling(network, CVY_LAYER_AVERAGE_POOLING2D, status);
}

/* LeNet-5 as it is taught today, with relu, max-pooling and a second convolution over all channels of the first: 44,426
 * parameters. */
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

static const struct {
    const char *name;
    void (*build)(cvy_network *network, cvy_status *status);
} builtins[] = {{"lesson", build_lesson}, {"lesson-avg", build_lesson_avg}, {"lenet5", build_lenet5}};
enum { BUILTINS = sizeof builtins / sizeof *builtins };

/* BUILTINS if there is no such name. */
static int find_builtin(const char *name) {
    int i = 0;
    while (i < BUILTINS && strcmp(name, builtins[i].name))
        i++;
    return i;
}

bool cvy_network_is_builtin(const char *name) {
    return find_builtin(name) < BUILTINS;
}

cvy_network *cvy_network_builtin(const char *name, cvy_status *status) {
    int i = find_builtin(name);
    cvy_network *network = i < BUILTINS ? cvy_network_new(NULL, false, status) : NULL;
    if (network)
        builtins[i].build(network, status);
    if (cvy_ok(status))
        return network;
    cvy_network_free(network);
    return NULL;
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
