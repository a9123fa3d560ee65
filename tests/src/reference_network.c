#include "reference_network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/random.h"

/* One image on its way: its shape and its values [y][x][channel]. */
typedef struct image {
    cvy_shape shape;
    double *values;
} image;

static image new_image(cvy_shape shape) {
    return (image){shape, calloc(cvy_shape_count(shape), sizeof(double))};
}

static double *pixel(const image *i, int y, int x) {
    return i->values + ((size_t)y * (size_t)i->shape.width + (size_t)x) * (size_t)i->shape.channels;
}

static const double *find(const cvy_variables *variables, const double *parameters, int layer, int bias) {
    for (int v = 0; v < variables->count; v++)
        if (variables->list[v].layer == layer && (variables->list[v].rank == 1) == bias)
            return parameters + variables->list[v].offset;
    return NULL;
}

static void activate(image *i, cvy_activation_name activation) {
    size_t count = cvy_shape_count(i->shape);
    for (size_t e = 0; e < count; e++) {
        double *v = &i->values[e];
        switch (activation) {
        case CVY_RELU:
            *v = *v > 0 ? *v : 0;
            break;
        case CVY_SILU:
            *v = *v / (1 + exp(-*v));
            break;
        case CVY_SIGMOID:
            *v = 1 / (1 + exp(-*v));
            break;
        case CVY_TANH:
            *v = tanh(*v);
            break;
        case CVY_LINEAR:
        case CVY_SOFTMAX:
            break;
        }
    }
    if (activation != CVY_SOFTMAX)
        return;
    int channels = i->shape.channels;
    for (size_t p = 0; p < count; p += (size_t)channels) {
        double most = -INFINITY, sum = 0;
        for (int c = 0; c < channels; c++)
            most = fmax(most, i->values[p + (size_t)c]);
        for (int c = 0; c < channels; c++)
            sum += i->values[p + (size_t)c] = exp(i->values[p + (size_t)c] - most);
        for (int c = 0; c < channels; c++)
            i->values[p + (size_t)c] /= sum;
    }
}

/* How far before the input the first window begins. */
static int border(const cvy_layer *layer, int axis, int input, int output) {
    int total = (output - 1) * layer->strides[axis] + layer->kernel_size[axis] - input;
    return layer->same && total > 0 ? total / 2 : 0;
}

static void convolve(const cvy_layer *layer, const image *in, const double *weights, const double *bias, image *out) {
    int top = border(layer, 0, in->shape.height, out->shape.height);
    int left = border(layer, 1, in->shape.width, out->shape.width);
    for (int oy = 0; oy < out->shape.height; oy++)
        for (int ox = 0; ox < out->shape.width; ox++)
            for (int f = 0; f < layer->units; f++) {
                double sum = bias ? bias[f] : 0;
                for (int ky = 0; ky < layer->kernel_size[0]; ky++)
                    for (int kx = 0; kx < layer->kernel_size[1]; kx++) {
                        int y = oy * layer->strides[0] + ky - top, x = ox * layer->strides[1] + kx - left;
                        if (y < 0 || x < 0 || y >= in->shape.height || x >= in->shape.width)
                            continue;
                        for (int c = 0; c < in->shape.channels; c++)
                            sum += pixel(in, y, x)[c] *
                                   weights[((ky * layer->kernel_size[1] + kx) * in->shape.channels + c) * layer->units +
                                           f];
                    }
                pixel(out, oy, ox)[f] = sum;
            }
}

static void pool(const cvy_layer *layer, const image *in, image *out) {
    bool average = layer->kind == CVY_LAYER_AVERAGE_POOLING2D;
    int top = border(layer, 0, in->shape.height, out->shape.height);
    int left = border(layer, 1, in->shape.width, out->shape.width);
    for (int oy = 0; oy < out->shape.height; oy++)
        for (int ox = 0; ox < out->shape.width; ox++)
            for (int c = 0; c < in->shape.channels; c++) {
                double sum = 0, most = -INFINITY;
                int n = 0;
                for (int ky = 0; ky < layer->kernel_size[0]; ky++)
                    for (int kx = 0; kx < layer->kernel_size[1]; kx++) {
                        int y = oy * layer->strides[0] + ky - top, x = ox * layer->strides[1] + kx - left;
                        if (y < 0 || x < 0 || y >= in->shape.height || x >= in->shape.width)
                            continue;
                        sum += pixel(in, y, x)[c];
                        most = fmax(most, pixel(in, y, x)[c]);
                        n++;
                    }
                pixel(out, oy, ox)[c] = average ? sum / n : most;
            }
}

static void drop(const cvy_layer *layer, int index, size_t place, const reference_dropout *dropout, image *i) {
    for (size_t e = 0; e < cvy_shape_count(i->shape); e++) {
        uint64_t at = (uint64_t)index << 56 | (uint64_t)place << 24 | e / 4;
        uint32_t draw = cvy_random_at(dropout->seed, CVY_RANDOM_DROPOUT, dropout->step, at).u[e % 4];
        i->values[e] = (double)draw >= layer->rate * 0x1p32 - 1 ? i->values[e] / (1 - layer->rate) : 0;
    }
}

static image run_layer(const cvy_network *network, const cvy_variables *variables, const double *parameters, int index,
                       size_t place, const reference_dropout *dropout, image in) {
    const cvy_layer *layer = &network->layers[index];
    const double *weights = find(variables, parameters, index, 0), *bias = find(variables, parameters, index, 1);
    image out = new_image(layer->output);
    size_t count = cvy_shape_count(layer->output);
    switch (layer->kind) {
    case CVY_LAYER_CONV2D:
        convolve(layer, &in, weights, bias, &out);
        break;
    case CVY_LAYER_DENSE:
        for (int u = 0; u < layer->units; u++) {
            out.values[u] = bias ? bias[u] : 0;
            for (size_t k = 0; k < cvy_shape_count(in.shape); k++)
                out.values[u] += in.values[k] * weights[k * (size_t)layer->units + (size_t)u];
        }
        break;
    case CVY_LAYER_MAX_POOLING2D:
    case CVY_LAYER_AVERAGE_POOLING2D:
        pool(layer, &in, &out);
        break;
    default:
        memcpy(out.values, in.values, count * sizeof(double));
        break;
    }
    if (layer->kind == CVY_LAYER_RESCALING)
        for (size_t e = 0; e < count; e++)
            out.values[e] = out.values[e] * layer->scale + layer->offset;
    if (layer->kind == CVY_LAYER_DROPOUT && dropout)
        drop(layer, index, place, dropout, &out);
    if (layer->kind == CVY_LAYER_CONV2D || layer->kind == CVY_LAYER_DENSE || layer->kind == CVY_LAYER_ACTIVATION)
        activate(&out, layer->activation);
    free(in.values);
    return out;
}

double reference_loss(const cvy_network *network, const cvy_variables *variables, const double *parameters,
                      const float *images, const uint8_t *labels, size_t count, const reference_dropout *dropout,
                      double *probabilities) {
    double loss = 0;
    size_t pixels = cvy_shape_count(network->layers[0].output);
    for (size_t n = 0; n < count; n++) {
        image i = new_image(network->layers[0].output);
        for (size_t e = 0; e < pixels; e++)
            i.values[e] = images[n * pixels + e];
        for (int l = 1; l < network->count; l++)
            i = run_layer(network, variables, parameters, l, n, dropout, i);
        loss -= log(i.values[labels[n]]);
        if (probabilities)
            memcpy(probabilities + n * cvy_shape_count(i.shape), i.values, cvy_shape_count(i.shape) * sizeof(double));
        free(i.values);
    }
    return loss / (double)count;
}
