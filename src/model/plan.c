#include "split.h"

#include <stdlib.h>
#include <string.h>

#include "../../kernels/scratch.h"
#include "../base/memory.h"

/* ---- Layers to stages ------------------------------------------------------------------------------------------- */

/* What a network's activation is as a kernel's; softmax has a stage of its own behind a linear one. */
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

/* How far outside the input the first window of "same" padding begins: Keras puts the odd one at the end. */
static int32_t same_border(int input, int output, int window, int stride, int32_t *padded) {
    int total = (output - 1) * stride + window - input;
    if (total < 0)
        total = 0;
    *padded = input + total;
    return total / 2;
}

/* Extents of an image and of its NHWC form: behind each image 16 floats that vector loads may touch. */
static cvy_image_shape image_shape(int32_t height, int32_t width, int32_t channels) {
    int32_t row = width * channels;
    return (cvy_image_shape){height, width, channels, row, (height * row + 31) / 16 * 16};
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
        .input = image_shape(height, width, stage->input.channels),
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

static bool elementwise(cvy_stage_kind kind) {
    return kind == CVY_STAGE_RESCALING || kind == CVY_STAGE_ACTIVATION || kind == CVY_STAGE_DROPOUT;
}

static cvy_stage *append(cvy_plan *plan, cvy_stage_kind kind, int layer, cvy_shape input) {
    cvy_stage *stage = &plan->stages[plan->count++];
    *stage = (cvy_stage){.kind = kind, .first_layer = layer, .last_layer = layer, .input = input, .output = input};
    stage->weights = stage->bias = stage->value = stage->derivative = stage->gradient = CVY_NONE;
    stage->sums = stage->argmax = stage->padded = stage->padded_gradient = stage->images = stage->scratch = CVY_NONE;
    return stage;
}

/* Takes the next layer into the stage if it is an activation (and the stage has none yet). */
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

/* ---- Stages to workspace ---------------------------------------------------------------------------------------- */

static ptrdiff_t reserve(cvy_plan *plan, size_t floats) {
    ptrdiff_t offset = (ptrdiff_t)plan->workspace;
    plan->workspace += (floats + 15) / 16 * 16;
    return offset;
}

static ptrdiff_t reserve_lanes(cvy_plan *plan, size_t elements) {
    return reserve(plan, elements * CVY_LANES);
}

static size_t grow(size_t size, size_t wanted) {
    return wanted > size ? wanted : size;
}

/* Buffers of the forward way and the gradient that comes back. */
static void reserve_stage(cvy_plan *plan, int i) {
    cvy_stage *stage = &plan->stages[i];
    size_t output = cvy_shape_count(stage->output);
    bool pooled = stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2;
    bool trained = i >= plan->first_trainable;

    if (stage->kind == CVY_STAGE_CONV2D || pooled) {
        const cvy_image_shape *input = &stage->conv2d.shape.input;
        if (input->height != stage->input.height || input->width != stage->input.width) {
            size_t elements = (size_t)input->height * (size_t)input->width * (size_t)input->channels;
            stage->padded = reserve_lanes(plan, elements);
            if (i > plan->first_trainable)
                stage->padded_gradient = reserve_lanes(plan, elements);
        }
    }
    stage->value = reserve_lanes(plan, output);
    if (pooled || stage->kind == CVY_STAGE_DROPOUT || stage->activation != CVY_ACT_LINEAR)
        stage->derivative = reserve_lanes(plan, output);
    if (pooled || stage->kind == CVY_STAGE_MAX_POOLING2D)
        stage->argmax = reserve_lanes(plan, output);
    if (!trained)
        return;
    /* An elementwise stage hands its gradient on in place. */
    bool shared = elementwise(stage->kind) && i > plan->first_trainable;
    stage->gradient = shared ? plan->stages[i - 1].gradient : reserve_lanes(plan, output);
}

/* Buffers that no stage needs longer than its own backward step: all stages share them. */
static void reserve_shared(cvy_plan *plan) {
    size_t images = 0, scratch = 0;
    for (int i = plan->first_trainable; i < plan->count; i++) {
        const cvy_stage *stage = &plan->stages[i];
        if (stage->kind == CVY_STAGE_DENSE)
            scratch = grow(scratch, cvy_round_to_lanes((size_t)stage->dense.units) * CVY_LANES);
        else if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
            scratch = grow(scratch, cvy_conv2d_maxpool2x2_scratch(&stage->conv2d.shape));
        else if (stage->kind == CVY_STAGE_CONV2D)
            images = grow(images, (size_t)stage->conv2d.shape.input.image * CVY_LANES);
    }
    ptrdiff_t images_at = reserve(plan, images), scratch_at = reserve(plan, scratch);
    for (int i = plan->first_trainable; i < plan->count; i++) {
        cvy_stage *stage = &plan->stages[i];
        if (stage->kind == CVY_STAGE_CONV2D)
            stage->images = i == 0 && stage->padded == CVY_NONE ? plan->input_images : images_at;
        if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2 || stage->kind == CVY_STAGE_DENSE)
            stage->scratch = scratch_at;
    }
}

/* Whether the first stage's weights take the images as they were loaded. */
static bool reads_images(const cvy_plan *plan) {
    const cvy_stage *first = plan->stages;
    return plan->count > 0 && plan->first_trainable == 0 && first->kind == CVY_STAGE_CONV2D &&
           first->conv2d.shape.input.height == first->input.height &&
           first->conv2d.shape.input.width == first->input.width;
}

/* Where the stages' parameters are, and which of them is the first to have any. */
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

static void place(cvy_plan *plan, const cvy_network *network) {
    cvy_shape input = network->layers[0].output;
    plan->input = image_shape(input.height, input.width, input.channels);
    plan->input_block = reserve_lanes(plan, cvy_shape_count(input));
    plan->input_images = reads_images(plan) ? reserve(plan, (size_t)plan->input.image * CVY_LANES) : CVY_NONE;
    for (int i = 0; i < plan->count; i++) {
        size_t before = plan->workspace;
        reserve_stage(plan, i);
        plan->stages[i].workspace = plan->workspace - before;
    }
    reserve_shared(plan);
    plan->loss = reserve(plan, CVY_LANES);
    plan->predicted = reserve(plan, CVY_LANES);
    if (plan->classes) {
        plan->probabilities = reserve_lanes(plan, (size_t)plan->classes);
        plan->mean = reserve_lanes(plan, (size_t)plan->classes);
    }
}

/* ---- The same in NHWC ------------------------------------------------------------------------------------------- */

/* 16 images, and behind them floats that vector loads may touch. */
static ptrdiff_t reserve_images(cvy_plan *plan, size_t elements) {
    return reserve(plan, (elements + 1) * CVY_LANES);
}

static void reserve_stage_nhwc(cvy_plan *plan, cvy_stage *stage, size_t *scratch) {
    stage->value = reserve_images(plan, cvy_shape_count(stage->output));
    if (stage->kind != CVY_STAGE_CONV2D && stage->kind != CVY_STAGE_CONV2D_MAXPOOL2X2)
        return;
    cvy_conv2d_shape *shape = &stage->conv2d.shape;
    shape->input.image = shape->input.height * shape->input.row; /* these have no gaps */
    if (shape->input.height != stage->input.height || shape->input.width != stage->input.width)
        stage->padded = reserve_images(plan, (size_t)shape->input.image);
    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
        stage->sums =
            reserve_images(plan, (size_t)shape->output_height * (size_t)shape->output_width * (size_t)shape->filters);
    *scratch = grow(*scratch, cvy_conv2d_forward_nhwc_scratch(shape));
}

static void place_nhwc(cvy_plan *plan, const cvy_network *network) {
    cvy_shape input = network->layers[0].output;
    plan->input = image_shape(input.height, input.width, input.channels);
    plan->input.image = plan->input.height * plan->input.row;
    plan->input_block = reserve_images(plan, cvy_shape_count(input));
    plan->input_images = CVY_NONE;
    size_t scratch = 0;
    for (int i = 0; i < plan->count; i++) {
        size_t before = plan->workspace;
        reserve_stage_nhwc(plan, &plan->stages[i], &scratch);
        plan->stages[i].workspace = plan->workspace - before;
    }
    ptrdiff_t scratch_at = reserve(plan, scratch);
    for (int i = 0; i < plan->count; i++)
        plan->stages[i].scratch = scratch_at;
    plan->loss = reserve(plan, CVY_LANES);
    plan->predicted = reserve(plan, CVY_LANES);
    if (plan->classes) {
        plan->probabilities = reserve_lanes(plan, (size_t)plan->classes);
        plan->mean = reserve_lanes(plan, (size_t)plan->classes);
    }
}

/* ---- Making one ------------------------------------------------------------------------------------------------- */

static bool make_stages(const cvy_network *network, const cvy_variables *variables, cvy_layout layout, cvy_plan *plan,
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
    return true;
}

bool cvy_plan_make_split(const cvy_network *network, const cvy_variables *variables, double meeting, cvy_plan *plan,
                         cvy_status *status) {
    if (!make_stages(network, variables, CVY_LAYOUT_HWC16N, plan, status))
        return false;
    cvy_split_plan(plan, meeting);
    place(plan, network);
    return true;
}

bool cvy_plan_make(const cvy_network *network, const cvy_variables *variables, cvy_plan *plan, cvy_status *status) {
    return cvy_plan_make_split(network, variables, CVY_MEETING_FLOP, plan, status);
}

bool cvy_plan_make_nhwc(const cvy_network *network, const cvy_variables *variables, cvy_plan *plan,
                        cvy_status *status) {
    if (!make_stages(network, variables, CVY_LAYOUT_NHWC, plan, status))
        return false;
    place_nhwc(plan, network);
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
