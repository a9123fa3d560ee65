/* The engine's gradients of every layer type against central differences of a double-precision network. */
#include "suite.h"

#include <stdio.h>

#include "../../kernels/cpu.h"
#include "../../src/base/random.h"
#include "../../src/convoy.h"
#include "../../src/train/trainer.h"
#include "reference_network.h"

#include <math.h>

enum { IMAGES = 19 }; /* two blocks, the second one short */

/* Where a max-pool or relu is at its kink there is no derivative to compare with: the seeds are such that none is near.
 */
typedef struct network_case {
    const char *name;
    int height, width, channels;
    const cvy_layer *layers;
    int count;
} network_case;

#define STRIDED(y, x, ...)                                                                                             \
    {                                                                                                                  \
        .kind = CVY_LAYER_CONV2D, .strides = {y, x}, .use_bias = true, .bias_initializer = CVY_GLOROT_UNIFORM,         \
        __VA_ARGS__                                                                                                    \
    }
#define CONV(...) STRIDED(1, 1, __VA_ARGS__)
#define DENSE(...)                                                                                                     \
    { .kind = CVY_LAYER_DENSE, .use_bias = true, .bias_initializer = CVY_GLOROT_UNIFORM, __VA_ARGS__ }
#define POOL(which, ...)                                                                                               \
    { .kind = CVY_LAYER_##which##_POOLING2D, __VA_ARGS__ }
#define FLATTEN                                                                                                        \
    { .kind = CVY_LAYER_FLATTEN }
#define SOFTMAX DENSE(.units = 4, .activation = CVY_SOFTMAX)
#define ACTIVATION(which)                                                                                              \
    { .kind = CVY_LAYER_ACTIVATION, .activation = which }
#define NETWORK(name, height, width, channels, ...)                                                                    \
    {                                                                                                                  \
        name, height, width, channels, (const cvy_layer[]){__VA_ARGS__},                                               \
            sizeof((const cvy_layer[]){__VA_ARGS__}) / sizeof(cvy_layer)                                               \
    }

static const network_case cases[] = {
    NETWORK("dense silu", 1, 1, 7, FLATTEN, DENSE(.units = 9, .activation = CVY_SILU), SOFTMAX),
    NETWORK("dense relu without bias", 1, 1, 7, FLATTEN, {.kind = CVY_LAYER_DENSE, .units = 9, .activation = CVY_RELU},
            SOFTMAX),
    NETWORK("dense sigmoid, tanh", 1, 1, 7, FLATTEN, DENSE(.units = 9, .activation = CVY_SIGMOID),
            DENSE(.units = 5, .activation = CVY_TANH), SOFTMAX),
    NETWORK("softmax inside", 1, 1, 7, FLATTEN, DENSE(.units = 6, .activation = CVY_SOFTMAX), SOFTMAX),
    NETWORK("softmax over channels of an image", 4, 4, 2,
            CONV(.units = 3, .kernel_size = {2, 2}, .activation = CVY_SOFTMAX), FLATTEN, SOFTMAX),
    NETWORK("closing activation layer", 1, 1, 7, FLATTEN, DENSE(.units = 4), ACTIVATION(CVY_SOFTMAX)),
    NETWORK("activation before the closing softmax", 1, 1, 7, FLATTEN, DENSE(.units = 4, .activation = CVY_TANH),
            ACTIVATION(CVY_SOFTMAX)),
    NETWORK("conv, max-pool, silu: the lesson in small", 12, 11, 1,
            CONV(.units = 2, .kernel_size = {3, 3}, .activation = CVY_SILU),
            POOL(MAX, .kernel_size = {2, 2}, .strides = {2, 2}),
            CONV(.units = 3, .kernel_size = {2, 3}, .activation = CVY_SILU),
            POOL(MAX, .kernel_size = {2, 2}, .strides = {2, 2}), FLATTEN, DENSE(.units = 5, .activation = CVY_SILU),
            SOFTMAX),
    NETWORK("conv 5x5, max-pool, tanh, relu", 14, 14, 2,
            CONV(.units = 3, .kernel_size = {5, 5}, .activation = CVY_TANH),
            POOL(MAX, .kernel_size = {2, 2}, .strides = {2, 2}),
            CONV(.units = 3, .kernel_size = {4, 4}, .activation = CVY_RELU),
            POOL(MAX, .kernel_size = {2, 2}, .strides = {2, 2}), FLATTEN, SOFTMAX),
    NETWORK("conv, max-pool, linear and sigmoid", 9, 9, 1, CONV(.units = 2, .kernel_size = {3, 3}),
            POOL(MAX, .kernel_size = {2, 2}, .strides = {2, 2}),
            CONV(.units = 2, .kernel_size = {2, 2}, .activation = CVY_SIGMOID),
            POOL(MAX, .kernel_size = {2, 2}, .strides = {2, 2}), FLATTEN, SOFTMAX),
    NETWORK("average pooling", 10, 10, 1, CONV(.units = 2, .kernel_size = {3, 3}, .activation = CVY_TANH),
            POOL(AVERAGE, .kernel_size = {2, 2}, .strides = {2, 2}),
            CONV(.units = 3, .kernel_size = {3, 3}, .activation = CVY_SILU),
            POOL(AVERAGE, .kernel_size = {2, 2}, .strides = {2, 2}), FLATTEN, SOFTMAX),
    NETWORK("same padding, strides", 9, 8, 2,
            STRIDED(2, 1, .units = 3, .kernel_size = {3, 4}, .same = true, .activation = CVY_SILU),
            STRIDED(1, 3, .units = 2, .kernel_size = {5, 2}, .same = true, .activation = CVY_TANH), FLATTEN, SOFTMAX),
    NETWORK("same padding before a max-pool", 8, 8, 1,
            CONV(.units = 2, .kernel_size = {3, 3}, .same = true, .activation = CVY_SILU),
            POOL(MAX, .kernel_size = {2, 2}, .strides = {2, 2}),
            CONV(.units = 2, .kernel_size = {3, 3}, .same = true, .activation = CVY_SILU),
            POOL(MAX, .kernel_size = {2, 2}, .strides = {2, 2}), FLATTEN, SOFTMAX),
    NETWORK(
        "overlapping and same-padded pools", 9, 9, 1, CONV(.units = 2, .kernel_size = {2, 2}, .activation = CVY_SILU),
        POOL(MAX, .kernel_size = {3, 3}, .strides = {1, 2}),
        CONV(.units = 2, .kernel_size = {2, 2}, .activation = CVY_TANH),
        POOL(AVERAGE, .kernel_size = {3, 2}, .strides = {2, 1}, .same = true), CONV(.units = 3, .kernel_size = {1, 1}),
        POOL(MAX, .kernel_size = {3, 3}, .strides = {2, 2}, .same = true), FLATTEN, SOFTMAX),
    NETWORK("activation layers on their own", 7, 7, 1, CONV(.units = 2, .kernel_size = {2, 2}),
            POOL(AVERAGE, .kernel_size = {2, 2}, .strides = {2, 2}), ACTIVATION(CVY_SILU),
            CONV(.units = 2, .kernel_size = {2, 2}), ACTIVATION(CVY_TANH), ACTIVATION(CVY_RELU), FLATTEN, SOFTMAX),
    NETWORK("rescaling first and inside", 6, 6, 1, {.kind = CVY_LAYER_RESCALING, .scale = 0.5, .offset = 0.25},
            CONV(.units = 2, .kernel_size = {3, 3}, .activation = CVY_SILU),
            {.kind = CVY_LAYER_RESCALING, .scale = -1.5, .offset = 0.125},
            CONV(.units = 2, .kernel_size = {2, 2}, .activation = CVY_TANH), FLATTEN, SOFTMAX),
    NETWORK("dropout", 6, 6, 1, {.kind = CVY_LAYER_DROPOUT, .rate = 0.25},
            CONV(.units = 3, .kernel_size = {3, 3}, .activation = CVY_SILU), {.kind = CVY_LAYER_DROPOUT, .rate = 0.5},
            FLATTEN, DENSE(.units = 6, .activation = CVY_TANH), {.kind = CVY_LAYER_DROPOUT, .rate = 0.375}, SOFTMAX),
    NETWORK("wide: 17 channels to 18 filters, 11 x 11", 12, 12, 17,
            CONV(.units = 18, .kernel_size = {11, 11}, .activation = CVY_TANH), FLATTEN, SOFTMAX),
};

static cvy_network *build(const network_case *c) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new("test", false, &status);
    cvy_layer input = {.kind = CVY_LAYER_INPUT, .output = {3, c->height, c->width, c->channels}};
    assert_true(cvy_network_add(network, &input, &status));
    for (int i = 0; i < c->count; i++)
        if (!cvy_network_add(network, &c->layers[i], &status))
            fail_msg("%s: %s", status.where, status.what);
    return network;
}

static void draw(float *values, size_t count, uint64_t seed) {
    for (size_t i = 0; i < count; i++)
        values[i] = 2 * cvy_random_unit(cvy_random_at(seed, CVY_RANDOM_INIT, 77, i).u[0]) - 1;
}

/* The largest difference between gradient and central differences over a variable, relative to its largest gradient. A
 * wide variable is compared at some of its elements. */
static double worst(const cvy_network *network, const cvy_variables *variables, const cvy_variable *variable,
                    double *parameters, const float *gradient, const float *images, const uint8_t *labels,
                    const reference_dropout *dropout) {
    const double h = 1e-5;
    double difference = 0, largest = 0;
    size_t stride = variable->count / 150 + 1;
    for (size_t i = 0; i < variable->count; i++)
        largest = fmax(largest, fabs((double)gradient[variable->offset + i]));
    for (size_t i = 0; i < variable->count; i += stride) {
        double *p = &parameters[variable->offset + i], kept = *p;
        *p = kept + h;
        double above = reference_loss(network, variables, parameters, images, labels, IMAGES, dropout, NULL);
        *p = kept - h;
        double below = reference_loss(network, variables, parameters, images, labels, IMAGES, dropout, NULL);
        *p = kept;
        difference = fmax(difference, fabs((above - below) / (2 * h) - (double)gradient[variable->offset + i]));
    }
    assert_true(largest > 0); /* a gradient of zeros would prove nothing */
    return difference / largest;
}

static void check_case(void **state) {
    const network_case *c = *state;
    cvy_status status = {0};
    cvy_network *network = build(c);
    cvy_kernels kernels;
    cvy_kernels_fill(&kernels, cvy_cpu_best(cvy_cpu_tiers()));
    cvy_trainer_options options = {.kernels = &kernels, .threads = 2, .seed = 5};
    assert_true(cvy_optimizer_parse("sgd:lr=0.001", &options.optimizer, &status));
    cvy_trainer *trainer = cvy_trainer_new(network, &options, &status);
    if (!trainer)
        fail_msg("%s: %s", status.where, status.what);
    const cvy_variables *variables = cvy_trainer_variables(trainer);

    size_t pixels = cvy_shape_count(network->layers[0].output);
    float *images = calloc(IMAGES * pixels, sizeof *images);
    uint8_t labels[IMAGES];
    uint32_t order[IMAGES];
    draw(images, IMAGES * pixels, 3);
    for (uint32_t n = 0; n < IMAGES; n++) {
        labels[n] = (uint8_t)(n * 7 % 4);
        order[n] = n;
    }
    double *parameters = calloc(variables->floats, sizeof *parameters);
    for (size_t i = 0; i < variables->floats; i++)
        parameters[i] = (double)cvy_trainer_parameters(trainer)[i];
    cvy_dataset *dataset = cvy_dataset_from_f32(images, labels, IMAGES, c->height, c->width, c->channels, &status);
    assert_non_null(dataset);

    reference_dropout dropout = {5, 0};
    cvy_metrics metrics = {0};
    assert_true(cvy_trainer_step(trainer, dataset, order, IMAGES, &metrics, &status));
    double loss = reference_loss(network, variables, parameters, images, labels, IMAGES, &dropout, NULL);
    assert_true(fabs(metrics.loss_sum / IMAGES - loss) <= 1e-6 * loss);
    for (int v = 0; v < variables->count; v++) {
        double off = worst(network, variables, &variables->list[v], parameters, cvy_trainer_gradient(trainer), images,
                           labels, &dropout);
        if (!(off <= 1e-6))
            fail_msg("%s: gradient of %s is off by %.2g of its largest", c->name, variables->list[v].path, off);
    }
    cvy_dataset_free(dataset);
    free(parameters);
    free(images);
    cvy_trainer_free(trainer);
    cvy_network_free(network);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases)];
    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){cases[i].name, check_case, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
