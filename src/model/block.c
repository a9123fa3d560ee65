#include "block.h"
#include "block_nhwc.h"

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

/* A convolution's input without its border. */
static cvy_image_shape inner_of(const cvy_stage *stage) {
    return (cvy_image_shape){.height = stage->input.height,
                             .width = stage->input.width,
                             .channels = stage->input.channels,
                             .row = stage->input.width * stage->input.channels,
                             .image = stage->input.height * stage->input.width * stage->input.channels};
}

/* ---- Forward ---------------------------------------------------------------------------------------------------- */

/* What a convolution reads: x, or the copy of it within a border, which is zero from the start and stays so. */
static const float *with_border(const cvy_block *block, const cvy_stage *stage, const float *x) {
    float *padded = at(block, stage->padded);
    if (!padded)
        return x;
    const cvy_image_shape inner = inner_of(stage), *outer = &stage->conv2d.shape.input;
    block->kernels->pad_hwc16n(&inner, stage->conv2d.top, stage->conv2d.left, outer->height, outer->width, x, padded);
    return padded;
}

static void activate(const cvy_block *block, const cvy_stage *stage, const float *x, float *value, float *derivative) {
    block->kernels->activation_forward(stage->activation, lanes(stage->output), x, value, derivative);
}

const float *cvy_block_forward_stage(const cvy_block *block, int index, const float *x, const float *parameters,
                                     const cvy_block_random *random) {
    const cvy_kernels *k = block->kernels;
    const cvy_stage *stage = &block->plan->stages[index];
    const float *weights = parameter(parameters, stage->weights), *bias = parameter(parameters, stage->bias);
    float *value = at(block, stage->value);
    float *derivative = random ? at(block, stage->derivative) : NULL;
    int32_t *argmax = random ? (int32_t *)at(block, stage->argmax) : NULL;

    switch (stage->kind) {
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        k->conv2d_maxpool2x2_forward_hwc16n(&stage->conv2d.shape, stage->activation, with_border(block, stage, x),
                                            weights, bias, value, derivative, argmax);
        return value;
    case CVY_STAGE_CONV2D:
        k->conv2d_forward_hwc16n(&stage->conv2d.shape, with_border(block, stage, x), weights, bias, value);
        break;
    case CVY_STAGE_DENSE:
        k->dense_forward_hwc16n(&stage->dense, x, weights, bias, value);
        break;
    case CVY_STAGE_MAX_POOLING2D:
        k->maxpool_forward_hwc16n(&stage->pool, x, value, argmax);
        return value;
    case CVY_STAGE_AVERAGE_POOLING2D:
        k->avgpool_forward_hwc16n(&stage->pool, x, value);
        return value;
    case CVY_STAGE_ACTIVATION:
        activate(block, stage, x, value, derivative);
        return value;
    case CVY_STAGE_SOFTMAX:
        k->softmax_forward_hwc16n(stage->output.height * stage->output.width, stage->output.channels, x, value);
        return value;
    case CVY_STAGE_RESCALING:
        k->scale(lanes(stage->output), stage->rescaling.scale, stage->rescaling.offset, x, value);
        return value;
    case CVY_STAGE_DROPOUT:
        if (!random)
            return x;
        cvy_dropout_draw(stage, random, derivative);
        k->multiply(lanes(stage->output), x, derivative, value);
        return value;
    }
    if (stage->activation != CVY_ACT_LINEAR)
        activate(block, stage, value, value, derivative);
    return value;
}

const float *cvy_block_forward(const cvy_block *block, const float *parameters) {
    if (block->plan->layout == CVY_LAYOUT_NHWC)
        return cvy_block_forward_nhwc(block, parameters);
    const float *x = at(block, block->plan->input_block);
    for (int i = 0; i < block->plan->count; i++)
        x = cvy_block_forward_stage(block, i, x, parameters, NULL);
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

/* What a stage read in the forward pass. */
static const float *input_of(const cvy_block *block, int index) {
    const ptrdiff_t padded = block->plan->stages[index].padded;
    if (padded != CVY_NONE)
        return at(block, padded);
    return at(block, index > 0 ? block->plan->stages[index - 1].value : block->plan->input_block);
}

void cvy_block_backward_weights(const cvy_block *block, int index, float *gradient) {
    const cvy_kernels *k = block->kernels;
    const cvy_stage *stage = &block->plan->stages[index];
    const float *x = input_of(block, index), *dy = at(block, stage->gradient);
    float *dweights = stage->weights == CVY_NONE ? NULL : gradient + stage->weights;
    float *dbias = stage->bias == CVY_NONE ? NULL : gradient + stage->bias;
    float *images = at(block, stage->images), *scratch = at(block, stage->scratch);

    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
        /* The first stage's images come with the block. */
        if (stage->images != block->plan->input_images)
            k->reorder_hwc16n_nhwc(&stage->conv2d.shape.input, x, images);
        k->conv2d_backward_weights_hwc16n(&stage->conv2d.shape, images, dy, dweights, dbias);
        break;
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        k->conv2d_maxpool2x2_backward_weights_hwc16n(
            &stage->conv2d.shape, x, dy, (const int32_t *)at(block, stage->argmax), dweights, dbias, scratch);
        break;
    case CVY_STAGE_DENSE:
        k->dense_backward_weights_hwc16n(&stage->dense, x, dy, dweights, dbias, scratch);
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
        k->conv2d_maxpool2x2_backward_data_hwc16n(shape, dy, (const int32_t *)at(block, stage->argmax), weights, factor,
                                                  target, at(block, stage->scratch));
    else
        k->conv2d_backward_data_hwc16n(shape, dy, weights, factor, target);
    if (bordered) {
        const cvy_image_shape inner = inner_of(stage);
        k->crop_hwc16n(&inner, stage->conv2d.top, stage->conv2d.left, shape->input.height, shape->input.width, bordered,
                       derivative, dx);
    }
}

void cvy_block_backward_data(const cvy_block *block, int index, const float *parameters) {
    const cvy_kernels *k = block->kernels;
    const cvy_stage *stage = &block->plan->stages[index], *before = stage - 1;
    const float *weights = parameter(parameters, stage->weights);
    const float *dy = at(block, stage->gradient), *derivative = at(block, before->derivative);
    float *dx = at(block, before->gradient);

    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        conv2d_backward_data(block, stage, weights, derivative, dx);
        break;
    case CVY_STAGE_DENSE:
        k->dense_backward_data_hwc16n(&stage->dense, dy, weights, derivative, dx);
        break;
    case CVY_STAGE_MAX_POOLING2D:
        k->maxpool_backward_hwc16n(&stage->pool, dy, (const int32_t *)at(block, stage->argmax), derivative, dx);
        break;
    case CVY_STAGE_AVERAGE_POOLING2D:
        k->avgpool_backward_hwc16n(&stage->pool, dy, derivative, dx);
        break;
    case CVY_STAGE_SOFTMAX:
        k->softmax_backward_hwc16n(stage->output.height * stage->output.width, stage->output.channels,
                                   at(block, stage->value), dy, derivative, dx);
        break;
    case CVY_STAGE_RESCALING: /* dx is dy in the workspace */
        k->scale(lanes(stage->input), stage->rescaling.scale, 0.0f, dx, dx);
        if (derivative)
            k->multiply(lanes(stage->input), dx, derivative, dx);
        break;
    case CVY_STAGE_ACTIVATION: /* dx is dy, which holds the stage's own derivative already */
    case CVY_STAGE_DROPOUT:
        if (derivative)
            k->multiply(lanes(stage->input), dx, derivative, dx);
        break;
    }
}
