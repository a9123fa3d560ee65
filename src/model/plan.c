#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "../base/memory.h"
#include "workspace.h"

/* ---- Layers to stages ------------------------------------------------------------------------------------------- */

/* The kernel's activation for a network's; softmax has a stage of its own behind a linear one. */
static cvy_activation_kind kernel_activation(cvy_activation_name name) {
    switch (name) {
    case CVY_RELU:
        return CVY_ACT_RELU;
    case CVY_SILU:
        return CVY_ACT_SILU;
    case CVY_SIGMOID:
        return CVY_ACT_SIGMOID;
    case CVY_TANH:
        return CVY_ACT_TANH;
    case CVY_LINEAR:
    case CVY_SOFTMAX:
        break;
    }
    return CVY_ACT_LINEAR;
}

/* The border in front of the input with "same" padding. Of an odd total Keras puts the extra one at the end. */
static int32_t same_border(int input, int output, int window, int stride, int32_t *padded) {
    int total = (output - 1) * stride + window - input;
    if (total < 0)
        total = 0;
    *padded = input + total;
    return total / 2;
}

static void set_conv2d(cvy_stage *stage, const cvy_layer *layer) {
    int32_t height = stage->input.height, width = stage->input.width;
    int32_t top = 0, left = 0;
    if (layer->same) {
        top = same_border(height, layer->output.height, layer->kernel_size[0], layer->strides[0], &height);
        left = same_border(width, layer->output.width, layer->kernel_size[1], layer->strides[1], &width);
    }
    stage->conv2d.top = top;
    stage->conv2d.left = left;
    stage->conv2d.shape = (cvy_conv2d_shape){
        .input = cvy_plan_image(height, width, stage->input.channels),
        .kernel_height = layer->kernel_size[0],
        .kernel_width = layer->kernel_size[1],
        .stride_y = layer->strides[0],
        .stride_x = layer->strides[1],
        .filters = layer->units,
        .output_height = layer->output.height,
        .output_width = layer->output.width,
    };
}

static void set_pool(cvy_stage *stage, const cvy_layer *layer) {
    int32_t padded, top = 0, left = 0;
    if (layer->same) {
        top = same_border(stage->input.height, layer->output.height, layer->kernel_size[0], layer->strides[0], &padded);
        left = same_border(stage->input.width, layer->output.width, layer->kernel_size[1], layer->strides[1], &padded);
    }
    stage->pool = (cvy_pool_shape){
        .height = stage->input.height,
        .width = stage->input.width,
        .channels = stage->input.channels,
        .window_height = layer->kernel_size[0],
        .window_width = layer->kernel_size[1],
        .stride_y = layer->strides[0],
        .stride_x = layer->strides[1],
        .pad_top = top,
        .pad_left = left,
        .output_height = layer->output.height,
        .output_width = layer->output.width,
    };
}

static void set_dense(cvy_stage *stage, const cvy_layer *layer) {
    const int32_t inputs = (int32_t)cvy_shape_count(stage->input);
    stage->dense =
        (cvy_dense_shape){.inputs = inputs, .units = layer->units, .input_row = inputs, .unit_row = layer->units};
}

static bool halves(const cvy_layer *layer) {
    return layer->kind == CVY_LAYER_MAX_POOLING2D && layer->kernel_size[0] == 2 && layer->kernel_size[1] == 2 &&
           layer->strides[0] == 2 && layer->strides[1] == 2 && !layer->same;
}

static cvy_stage *append(cvy_plan *plan, cvy_stage_kind kind, int layer, cvy_shape input) {
    cvy_stage *stage = &plan->stages[plan->count++];
    *stage = (cvy_stage){.kind = kind, .first_layer = layer, .last_layer = layer, .input = input, .output = input};
    stage->weights = stage->bias = stage->value = stage->derivative = stage->gradient = CVY_NONE;
    stage->sums = stage->argmax = stage->padded = stage->padded_gradient = stage->images = stage->scratch = CVY_NONE;
    return stage;
}

/* Includes the next layer in the stage if it is an activation and the stage has none yet. */
static void absorb_activation(cvy_stage *stage, const cvy_network *network, cvy_activation_name *activation) {
    int next = stage->last_layer + 1;
    if (*activation == CVY_LINEAR && next < network->count && network->layers[next].kind == CVY_LAYER_ACTIVATION) {
        *activation = network->layers[next].activation;
        stage->last_layer = next;
    }
}

/* The stages that begin with layer i; returns the first layer after them. */
static int append_stages(cvy_plan *plan, const cvy_network *network, int i) {
    const cvy_layer *layer = &network->layers[i];
    cvy_shape input = network->layers[i - 1].output;
    cvy_activation_name activation = layer->activation;
    cvy_stage *stage = NULL;

    switch (layer->kind) {
    case CVY_LAYER_INPUT:
    case CVY_LAYER_FLATTEN: /* HWC16N of an image is HWC16N of the vector: nothing moves */
        return i + 1;
    case CVY_LAYER_RESCALING:
        stage = append(plan, CVY_STAGE_RESCALING, i, input);
        stage->rescaling.scale = (float)layer->scale;
        stage->rescaling.offset = (float)layer->offset;
        return i + 1;
    case CVY_LAYER_MAX_POOLING2D:
    case CVY_LAYER_AVERAGE_POOLING2D:
        stage =
            append(plan, layer->kind == CVY_LAYER_MAX_POOLING2D ? CVY_STAGE_MAX_POOLING2D : CVY_STAGE_AVERAGE_POOLING2D,
                   i, input);
        stage->output = layer->output;
        set_pool(stage, layer);
        return i + 1;
    case CVY_LAYER_DROPOUT:
        if (layer->rate > 0) {
            stage = append(plan, CVY_STAGE_DROPOUT, i, input);
            stage->rate = layer->rate;
        }
        return i + 1;
    case CVY_LAYER_ACTIVATION:
        if (activation != CVY_LINEAR && activation != CVY_SOFTMAX)
            append(plan, CVY_STAGE_ACTIVATION, i, input)->activation = kernel_activation(activation);
        else if (activation == CVY_SOFTMAX)
            append(plan, CVY_STAGE_SOFTMAX, i, input);
        return i + 1;
    case CVY_LAYER_CONV2D:
        stage = append(plan, CVY_STAGE_CONV2D, i, input);
        set_conv2d(stage, layer);
        break;
    case CVY_LAYER_DENSE:
        stage = append(plan, CVY_STAGE_DENSE, i, input);
        set_dense(stage, layer);
        break;
    }

    absorb_activation(stage, network, &activation);
    int next = stage->last_layer + 1;
    if (stage->kind == CVY_STAGE_CONV2D && activation != CVY_SOFTMAX && next < network->count &&
        halves(&network->layers[next])) {
        stage->kind = CVY_STAGE_CONV2D_MAXPOOL2X2;
        stage->last_layer = next;
    }
    stage->activation = kernel_activation(activation);
    stage->output = network->layers[stage->last_layer].output;
    int last = stage->last_layer;
    if (activation == CVY_SOFTMAX)
        append(plan, CVY_STAGE_SOFTMAX, last, stage->output);
    return last + 1;
}

/* A softmax over a vector at the very end belongs to the loss: exp and log cancel there. */
static void close_with_loss(cvy_plan *plan, const cvy_network *network) {
    const cvy_layer *last = &network->layers[network->count - 1];
    if (plan->count == 0 || last->output.rank != 1)
        return;
    const cvy_stage *stage = &plan->stages[plan->count - 1];
    if (stage->kind == CVY_STAGE_SOFTMAX && stage->output.height == 1 && stage->output.width == 1) {
        plan->classes = stage->output.channels;
        plan->count--;
    }
}

/* Finds the offsets of the stages' parameters, and the first stage that has any. */
static void find_parameters(cvy_plan *plan, const cvy_variables *variables) {
    plan->first_trainable = plan->count;
    for (int i = plan->count - 1; i >= 0; i--) {
        cvy_stage *stage = &plan->stages[i];
        for (int v = 0; v < variables->count; v++) {
            const cvy_variable *variable = &variables->list[v];
            if (variable->layer != stage->first_layer)
                continue;
            *(variable->rank == 1 ? &stage->bias : &stage->weights) = (ptrdiff_t)variable->offset;
            plan->first_trainable = i;
        }
    }
}

/* ---- Making one ------------------------------------------------------------------------------------------------- */

bool cvy_plan_make(const cvy_network *network, const cvy_variables *variables, cvy_layout layout, cvy_plan *plan,
                   cvy_status *status) {
    *plan = (cvy_plan){.layout = layout};
    /* A layer gives two stages at most: itself and its softmax. */
    plan->stages = cvy_allocate(2 * (size_t)network->count, sizeof *plan->stages, "plan", status);
    if (!plan->stages)
        return false;
    for (int i = 1; i < network->count;)
        i = append_stages(plan, network, i);
    close_with_loss(plan, network);
    find_parameters(plan, variables);
    cvy_plan_reserve(plan, network);
    return true;
}

void cvy_plan_free(cvy_plan *plan) {
    free(plan->stages);
    *plan = (cvy_plan){0};
}

double cvy_stage_flop(const cvy_stage *stage) {
    const cvy_conv2d_shape *s = &stage->conv2d.shape;
    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        return 2.0 * s->output_height * s->output_width * s->filters * s->kernel_height * s->kernel_width *
               s->input.channels;
    case CVY_STAGE_DENSE:
        return 2.0 * stage->dense.inputs * stage->dense.units;
    case CVY_STAGE_RESCALING:
    case CVY_STAGE_MAX_POOLING2D:
    case CVY_STAGE_AVERAGE_POOLING2D:
    case CVY_STAGE_ACTIVATION:
    case CVY_STAGE_SOFTMAX:
    case CVY_STAGE_DROPOUT:
        break;
    }
    return 0;
}

static const char *const layout_names[] = {
    [CVY_LAYOUT_AUTO] = "auto", [CVY_LAYOUT_HWC16N] = "hwc16n", [CVY_LAYOUT_NHWC] = "nhwc"};

bool cvy_layout_from_name(const char *name, cvy_layout *layout) {
    for (int i = 0; i < (int)(sizeof layout_names / sizeof *layout_names); i++) {
        if (strcmp(name, layout_names[i]) != 0)
            continue;
        *layout = (cvy_layout)i;
        return true;
    }
    return false;
}

const char *cvy_layout_name(cvy_layout layout) {
    return layout_names[layout];
}
