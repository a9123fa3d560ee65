/* The places of the parameters and their initial values. */
#include "variables.h"

#include "../../kernels/kernels.h"
#include "../base/memory.h"
#include "../base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 16 }; /* floats in a cache line */

/* ---- Layout ----------------------------------------------------------------------------------------------------- */

static void set_path(const cvy_network *network, const char *layer, const char *kind, cvy_variable *variable) {
    if (network->sequential)
        snprintf(variable->path, sizeof variable->path, "%s/%s/%s", network->name, layer, kind);
    else
        snprintf(variable->path, sizeof variable->path, "%s/%s", layer, kind);
}

/* A fan is the number of terms of a sum: the elements of the receptive field times the channels on that side. */
static void set_kernel(const cvy_layer *layer, cvy_shape input, cvy_variable *variable) {
    size_t field = 1, *shape = variable->shape;
    variable->rank = 0;
    if (layer->kind == CVY_LAYER_CONV2D) {
        shape[variable->rank++] = (size_t)layer->kernel_size[0];
        shape[variable->rank++] = (size_t)layer->kernel_size[1];
        field = shape[0] * shape[1];
    }
    shape[variable->rank++] = (size_t)input.channels;
    shape[variable->rank++] = (size_t)layer->units;
    variable->fan_in = field * (size_t)input.channels;
    variable->fan_out = field * (size_t)layer->units;
    variable->count = variable->fan_in * (size_t)layer->units;
    variable->initializer = layer->kernel_initializer;
}

/* In Keras both fans of a vector are its length. */
static void set_bias(const cvy_layer *layer, cvy_variable *variable) {
    variable->rank = 1;
    variable->shape[0] = variable->count = variable->fan_in = variable->fan_out = (size_t)layer->units;
    variable->initializer = layer->bias_initializer;
}

static void place(cvy_variables *variables, cvy_variable *variable, int layer) {
    variable->layer = layer;
    variable->offset = variables->floats;
    variables->floats += (variable->count + LINE - 1) / LINE * LINE;
    variables->parameters += variable->count;
    variables->count++;
}

static bool has_weights(const cvy_layer *layer) {
    return layer->kind == CVY_LAYER_CONV2D || layer->kind == CVY_LAYER_DENSE;
}

bool cvy_variables_layout(const cvy_network *network, cvy_variables *variables, cvy_status *status) {
    *variables = (cvy_variables){0};
    if (!cvy_ok(status))
        return false;
    variables->list = cvy_allocate(2 * (size_t)network->count, sizeof *variables->list, "variables", status);
    if (!variables->list)
        return false;
    for (int i = 1; i < network->count; i++) {
        const cvy_layer *layer = &network->layers[i];
        if (!has_weights(layer))
            continue;
        cvy_variable *kernel = &variables->list[variables->count];
        set_path(network, layer->name, "kernel", kernel);
        set_kernel(layer, network->layers[i - 1].output, kernel);
        place(variables, kernel, i);
        if (!layer->use_bias)
            continue;
        cvy_variable *bias = &variables->list[variables->count];
        set_path(network, layer->name, "bias", bias);
        set_bias(layer, bias);
        place(variables, bias, i);
    }
    return true;
}

void cvy_variables_free(cvy_variables *variables) {
    free(variables->list);
    *variables = (cvy_variables){0};
}

/* ---- Initialisers -----------------------------------------------------------------------------------------------
 *
 * The random numbers of an element are a function of (seed, number of the variable, index of the element) alone:
 *
 * Uniform: element i takes word i % 4 of draw i / 4.
 *
 * Normal: element i takes draws i, i + 2^32, i + 2 * 2^32, ... in turn. A draw is two trials: its words 0 and 1, then 2
 * and 3. The first word of a trial proposes x, uniform in [-2, 2). The second, a uniform number in [0, 1), accepts x if
 * it is below exp(-x^2 / 2). 60 % of the trials succeed. */

static void fill_uniform(uint64_t seed, uint32_t number, float limit, size_t count, float *x) {
    for (size_t i = 0; i < count; i += 4) {
        cvy_random draw = cvy_random_at(seed, CVY_RANDOM_INIT, number, i / 4);
        for (size_t word = 0; word < 4 && i + word < count; word++)
            x[i + word] = limit * (2 * cvy_random_unit(draw.u[word]) - 1); /* one rounding: the factor is exact */
    }
}

static bool try_normal(uint32_t proposal, uint32_t acceptance, float *x) {
    *x = 4 * cvy_random_unit(proposal) - 2;
    float exponent = -0.5f * (*x * *x), density;
    cvy_exp_f32_scalar(1, &exponent, &density);
    return cvy_random_unit(acceptance) < density;
}

/* A standard normal number, truncated at -2 and 2. */
static float truncated_normal(uint64_t seed, uint32_t number, uint64_t element) {
    float x;
    for (uint64_t index = element;; index += UINT64_C(1) << 32) {
        cvy_random draw = cvy_random_at(seed, CVY_RANDOM_INIT, number, index);
        if (try_normal(draw.u[0], draw.u[1], &x) || try_normal(draw.u[2], draw.u[3], &x))
            return x;
    }
}

static void fill_normal(uint64_t seed, uint32_t number, float sigma, size_t count, float *x) {
    for (size_t i = 0; i < count; i++)
        x[i] = sigma * truncated_normal(seed, number, i);
}

/* The variance with which a layer's output has that of its input. Glorot, Bengio, AISTATS 2010, for linear layers,
 * forward and backward; He et al., ICCV 2015, for relu. */
static double variance(const cvy_variable *variable) {
    if (variable->initializer == CVY_HE_UNIFORM || variable->initializer == CVY_HE_NORMAL)
        return 2.0 / (double)variable->fan_in;
    return 2.0 / (double)(variable->fan_in + variable->fan_out);
}

/* Of a standard normal variable truncated at -2 and 2: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)). Keras divides by it. */
static const double truncated_deviation = 0.87962566103423978;

static void initialize(const cvy_variable *variable, uint64_t seed, uint32_t number, float *x) {
    switch (variable->initializer) {
    case CVY_GLOROT_UNIFORM:
    case CVY_HE_UNIFORM:
        fill_uniform(seed, number, (float)sqrt(3 * variance(variable)), variable->count, x);
        break;
    case CVY_GLOROT_NORMAL:
    case CVY_HE_NORMAL:
        fill_normal(seed, number, (float)(sqrt(variance(variable)) / truncated_deviation), variable->count, x);
        break;
    case CVY_ZEROS:
        break;
    }
}

void cvy_variables_initialize(const cvy_variables *variables, uint64_t seed, float *parameters) {
    memset(parameters, 0, variables->floats * sizeof *parameters);
    for (int i = 0; i < variables->count; i++)
        initialize(&variables->list[i], seed, (uint32_t)i, parameters + variables->list[i].offset);
}
