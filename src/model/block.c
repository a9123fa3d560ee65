#include "block.h"
#include "block_nhwc.h"

#include <string.h>

#include "../base/random.h"

/* A buffer of the workspace, NULL if the stage has none. */
static float *at(const cvy_block *block, ptrdiff_t offset) {
    return offset == CVY_NONE ? NULL : block->workspace + offset;
}

static const float *parameter(const float *parameters, ptrdiff_t offset) {
    return offset == CVY_NONE ? NULL : parameters + offset;
}

static size_t lanes(cvy_shape shape) {
    return cvy_shape_count(shape) * CVY_LANES;
}

/* ---- Forward ---------------------------------------------------------------------------------------------------- */

/* The input of a convolution with its border, if it has one. */
static const float *with_border(const cvy_block *block, const cvy_stage *stage, const float *x) {
    float *padded = at(block, stage->padded);
    if (!padded)
        return x;
    cvy_image_shape inner = {.height = stage->input.height,
                             .width = stage->input.width,
                             .channels = stage->input.channels,
                             .row = stage->input.width * stage->input.channels,
                             .image = stage->input.height * stage->input.width * stage->input.channels};
    const cvy_image_shape *outer = &stage->conv2d.shape.input;
    block->kernels->pad_hwc16n(&inner, stage->conv2d.top, stage->conv2d.left, outer->height, outer->width, x, padded);
    return padded;
}

/* Keeps an element with probability 1 - rate and scales it by 1 / (1 - rate). One 128-bit draw serves four elements of
 * an image; its index holds layer, image and element, so that neither threads nor blocks can matter. */
static void draw_dropout(const cvy_stage *stage, const cvy_block_random *random, float *keep) {
    const uint64_t threshold = (uint64_t)(stage->rate * 0x1p32);
    const float scale = stage->rate < 1.0 ? (float)(1.0 / (1.0 - stage->rate)) : 0.0f;
    size_t elements = cvy_shape_count(stage->output);
    for (size_t l = 0; l < CVY_LANES; l++) {
        uint64_t image = (uint64_t)stage->first_layer << 56 | (uint64_t)(random->first + l) << 24;
        for (size_t e = 0; e < elements; e += 4) {
            cvy_random draw = cvy_random_at(random->seed, CVY_RANDOM_DROPOUT, random->step, image | e / 4);
            for (size_t k = 0; k < 4 && e + k < elements; k++)
                keep[(e + k) * CVY_LANES + l] = draw.u[k] >= threshold ? scale : 0.0f;
        }
    }
}

const float *cvy_block_forward_stage(const cvy_block *block, int index, const float *x, const float *parameters,
                                     const cvy_block_random *random) {
    const cvy_stage *stage = &block->plan->stages[index];
    const cvy_kernels *k = block->kernels;
    const float *weights = parameter(parameters, stage->weights), *bias = parameter(parameters, stage->bias);
    float *value = at(block, stage->value);
    float *derivative = random ? at(block, stage->derivative) : NULL;
    int32_t *winner = random ? (int32_t *)at(block, stage->winner) : NULL;
    size_t count = lanes(stage->output);

    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
        k->conv2d_forward_hwc16n(&stage->conv2d.shape, with_border(block, stage, x), weights, bias, value);
        break;
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        k->conv2d_maxpool2x2_forward_hwc16n(&stage->conv2d.shape, stage->activation, with_border(block, stage, x),
                                            weights, bias, value, derivative, winner);
        return value;
    case CVY_STAGE_DENSE:
        k->dense_forward_hwc16n(&stage->dense, x, weights, bias, value);
        break;
    case CVY_STAGE_MAX_POOLING2D:
        k->maxpool_forward_hwc16n(&stage->pool, x, value, winner);
        return value;
    case CVY_STAGE_AVERAGE_POOLING2D:
        k->avgpool_forward_hwc16n(&stage->pool, x, value);
        return value;
    case CVY_STAGE_ACTIVATION:
        k->activation_forward(stage->activation, count, x, value, derivative);
        return value;
    case CVY_STAGE_SOFTMAX:
        k->softmax_forward_hwc16n(stage->output.height * stage->output.width, stage->output.channels, x, value);
        return value;
    case CVY_STAGE_RESCALING:
        k->scale(count, stage->rescaling.scale, stage->rescaling.offset, x, value);
        return value;
    case CVY_STAGE_DROPOUT:
        if (!random)
            return x;
        draw_dropout(stage, random, derivative);
        k->multiply(count, x, derivative, value);
        return value;
    }
    if (stage->activation != CVY_ACT_LINEAR)
        k->activation_forward(stage->activation, count, value, value, derivative);
    return value;
}

const float *cvy_block_forward(const cvy_block *block, const float *parameters, const cvy_block_random *random) {
    if (block->plan->layout == CVY_LAYOUT_NHWC)
        return cvy_block_forward_nhwc(block, parameters);
    const float *x = block->workspace + block->plan->input_block;
    for (int i = 0; i < block->plan->count; i++)
        x = cvy_block_forward_stage(block, i, x, parameters, random);
    return x;
}

/* ---- Loss ------------------------------------------------------------------------------------------------------- */

void cvy_block_loss(const cvy_block *block, const float *logits, const uint8_t *labels, float smoothing, float scale) {
    const cvy_plan *plan = block->plan;
    float *loss = at(block, plan->loss);
    int32_t *predicted = (int32_t *)at(block, plan->predicted);
    if (plan->layout == CVY_LAYOUT_NHWC) {
        block->kernels->softmax_cross_entropy_nhwc(plan->classes, plan->classes, block->count, labels, smoothing, scale,
                                                   logits, loss, predicted, NULL);
        return;
    }
    const cvy_stage *last = &plan->stages[plan->count - 1];
    float *gradient = scale == 0.0f ? NULL : at(block, last->gradient);
    block->kernels->softmax_cross_entropy_hwc16n(plan->classes, block->count, labels, smoothing, scale, logits, loss,
                                                 predicted, gradient);
    if (gradient && last->derivative != CVY_NONE)
        block->kernels->multiply(lanes(last->output), gradient, at(block, last->derivative), gradient);
}

void cvy_block_probabilities(const cvy_block *block, const float *logits) {
    const int classes = block->plan->classes;
    float *probabilities = at(block, block->plan->probabilities);
    if (block->plan->layout == CVY_LAYOUT_NHWC)
        block->kernels->softmax_forward_nhwc(block->count, classes, classes, logits, probabilities);
    else
        block->kernels->softmax_forward_hwc16n(1, classes, logits, probabilities);
}

/* ---- Backward --------------------------------------------------------------------------------------------------- */

/* What a stage read on the way forward. */
static const float *input_of(const cvy_block *block, int index) {
    return at(block, index > 0 ? block->plan->stages[index - 1].value : block->plan->input_block);
}

/* Gradient of a convolution's weights: from the winners of its pool, or else from its input as 16 NHWC images. */
static void conv2d_backward_weights(const cvy_block *block, const cvy_stage *stage, const float *x, float *dweights,
                                    float *dbias) {
    const cvy_kernels *k = block->kernels;
    const cvy_conv2d_shape *shape = &stage->conv2d.shape;
    const float *dy = at(block, stage->gradient);
    float *images = at(block, stage->images);

    if (stage->padded != CVY_NONE)
        x = at(block, stage->padded);
    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2) {
        k->conv2d_maxpool2x2_backward_weights_hwc16n(shape, x, dy, (const int32_t *)at(block, stage->winner), dweights,
                                                     dbias, at(block, stage->scratch));
        return;
    }
    if (stage->images != block->plan->input_images)
        k->reorder_hwc16n_nhwc(&shape->input, x, images);
    k->conv2d_backward_weights_hwc16n(shape, images, dy, dweights, dbias);
}

void cvy_block_backward_weights(const cvy_block *block, int index, float *gradient) {
    const cvy_stage *stage = &block->plan->stages[index];
    const float *x = input_of(block, index);
    float *dweights = stage->weights == CVY_NONE ? NULL : gradient + stage->weights;
    float *dbias = stage->bias == CVY_NONE ? NULL : gradient + stage->bias;

    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        conv2d_backward_weights(block, stage, x, dweights, dbias);
        break;
    case CVY_STAGE_DENSE:
        block->kernels->dense_backward_weights_hwc16n(&stage->dense, x, at(block, stage->gradient), dweights, dbias,
                                                      at(block, stage->scratch));
        break;
    case CVY_STAGE_MAX_POOLING2D:
    case CVY_STAGE_AVERAGE_POOLING2D:
    case CVY_STAGE_SOFTMAX:
    case CVY_STAGE_RESCALING:
    case CVY_STAGE_ACTIVATION:
    case CVY_STAGE_DROPOUT:
        break;
    }
}

/* Gradient of a convolution's input, times `derivative` unless NULL. */
static void conv2d_backward_data(const cvy_block *block, const cvy_stage *stage, const float *weights,
                                 const float *derivative, float *dx) {
    const cvy_kernels *k = block->kernels;
    const cvy_conv2d_shape *shape = &stage->conv2d.shape;
    const float *dy = at(block, stage->gradient);
    float *bordered = at(block, stage->padded_gradient);
    float *target = bordered ? bordered : dx;
    const float *factor = bordered ? NULL : derivative;

    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
        k->conv2d_maxpool2x2_backward_data_hwc16n(shape, dy, (const int32_t *)at(block, stage->winner), weights, factor,
                                                  target, at(block, stage->scratch));
    else
        k->conv2d_backward_data_hwc16n(shape, dy, weights, factor, target);
    if (!bordered)
        return;
    cvy_image_shape inner = {.height = stage->input.height,
                             .width = stage->input.width,
                             .channels = stage->input.channels,
                             .row = stage->input.width * stage->input.channels,
                             .image = stage->input.height * stage->input.width * stage->input.channels};
    k->crop_hwc16n(&inner, stage->conv2d.top, stage->conv2d.left, shape->input.height, shape->input.width, bordered,
                   derivative, dx);
}

void cvy_block_backward_data(const cvy_block *block, int index, const float *parameters) {
    const cvy_kernels *k = block->kernels;
    const cvy_stage *stage = &block->plan->stages[index], *before = stage - 1;
    const float *dy = at(block, stage->gradient), *derivative = at(block, before->derivative);
    float *dx = at(block, before->gradient);
    size_t count = lanes(stage->output);

    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        conv2d_backward_data(block, stage, parameters + stage->weights, derivative, dx);
        break;
    case CVY_STAGE_DENSE:
        k->dense_backward_data_hwc16n(&stage->dense, dy, parameters + stage->weights, derivative, dx);
        break;
    case CVY_STAGE_MAX_POOLING2D:
        k->maxpool_backward_hwc16n(&stage->pool, dy, (const int32_t *)at(block, stage->winner), derivative, dx);
        break;
    case CVY_STAGE_AVERAGE_POOLING2D:
        k->avgpool_backward_hwc16n(&stage->pool, dy, derivative, dx);
        break;
    case CVY_STAGE_SOFTMAX:
        k->softmax_backward_hwc16n(stage->output.height * stage->output.width, stage->output.channels,
                                   at(block, stage->value), dy, derivative, dx);
        break;
    case CVY_STAGE_RESCALING: /* these share dx with dy, and dy holds this stage's own derivative already */
        k->scale(count, stage->rescaling.scale, 0.0f, dx, dx);
        /* fall through */
    case CVY_STAGE_ACTIVATION:
    case CVY_STAGE_DROPOUT:
        if (derivative)
            k->multiply(count, dx, derivative, dx);
        break;
    }
}
