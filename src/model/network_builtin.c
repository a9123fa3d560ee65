/* The built-in networks. All take pixels from 0 to 255. */
#include "network.h"

#include <string.h>

typedef struct spec {
    cvy_layer_kind kind;
    int units; /* filters of a convolution, which is 5 x 5 */
    cvy_activation_name activation;
} spec;

/* The beginner's network: 9,532 parameters. */
static const spec lesson[] = {
    {CVY_LAYER_INPUT},
    {CVY_LAYER_CONV2D, 3, CVY_SILU},
    {CVY_LAYER_MAX_POOLING2D},
    {CVY_LAYER_CONV2D, 6, CVY_SILU},
    {CVY_LAYER_MAX_POOLING2D},
    {CVY_LAYER_FLATTEN},
    {CVY_LAYER_DENSE, 84, CVY_SILU},
    {CVY_LAYER_DENSE, 10, CVY_SOFTMAX},
};

/* LeNet-5 as it is taught today, with relu, max-pooling and a second convolution over all channels of the first: 44,426
 * parameters. */
static const spec lenet5[] = {
    {CVY_LAYER_INPUT},
    {CVY_LAYER_CONV2D, 6, CVY_RELU},
    {CVY_LAYER_MAX_POOLING2D},
    {CVY_LAYER_CONV2D, 16, CVY_RELU},
    {CVY_LAYER_MAX_POOLING2D},
    {CVY_LAYER_FLATTEN},
    {CVY_LAYER_DENSE, 120, CVY_RELU},
    {CVY_LAYER_DENSE, 84, CVY_RELU},
    {CVY_LAYER_DENSE, 10, CVY_SOFTMAX},
};

static const struct builtin {
    const char *name;
    const spec *layers;
    int count;
    bool average; /* average pooling in place of max-pooling */
} builtins[] = {
    {"lesson", lesson, sizeof lesson / sizeof *lesson, false},
    {"lesson-avg", lesson, sizeof lesson / sizeof *lesson, true},
    {"lenet5", lenet5, sizeof lenet5 / sizeof *lenet5, false},
};

/* NULL if there is no such name. */
static const struct builtin *find_builtin(const char *name) {
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (!strcmp(name, builtins[i].name))
            return &builtins[i];
    return NULL;
}

static void add(cvy_network *network, const spec *s, bool average, cvy_status *status) {
    bool pools = average && s->kind == CVY_LAYER_MAX_POOLING2D;
    cvy_layer layer = cvy_layer_default(pools ? CVY_LAYER_AVERAGE_POOLING2D : s->kind);
    if (s->kind == CVY_LAYER_INPUT)
        layer.output = (cvy_shape){3, 28, 28, 1};
    if (s->kind == CVY_LAYER_CONV2D)
        layer.kernel_size[0] = layer.kernel_size[1] = 5;
    layer.units = s->units;
    layer.activation = s->activation;
    cvy_network_add(network, &layer, status);
}

bool cvy_network_is_builtin(const char *name) {
    return find_builtin(name);
}

cvy_network *cvy_network_builtin(const char *name, cvy_status *status) {
    const struct builtin *builtin = find_builtin(name);
    cvy_network *network = builtin ? cvy_network_new(NULL, false, status) : NULL;
    for (int i = 0; network && i < builtin->count; i++)
        add(network, &builtin->layers[i], builtin->average, status);
    if (cvy_ok(status))
        return network;
    cvy_network_free(network);
    return NULL;
}

cvy_network *cvy_network_from(const char *name_or_file, cvy_status *status) {
    return cvy_network_is_builtin(name_or_file) ? cvy_network_builtin(name_or_file, status)
                                                : cvy_network_from_json_file(name_or_file, status);
}
