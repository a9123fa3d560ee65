#include "block.h"
#include "block_nhwc.h"

#include <string.h>

#include "../base/random.h"

/* A buffer of the workspace, NULL if the stage has none. */
static float *at(const cvy_block *block, ptrdiff_t offset) {
    return offset == CVY_NONE ? NULL : block->workspace + offset;
}

/* The same of what each part has for itself. */
static float *own_at(const cvy_block *block, ptrdiff_t offset) {
    return offset == CVY_NONE ? NULL : cvy_block_own(block) + offset;
}

static const float *parameter(const float *parameters, ptrdiff_t offset) {
    return offset == CVY_NONE ? NULL : parameters + offset;
}

static size_t lanes(cvy_shape shape) {
    return cvy_shape_count(shape) * CVY_LANES;
}

/* ---- Shares ----------------------------------------------------------------------------------------------------- */

static cvy_slice share(const cvy_block *block, int count, int cut) {
    return block->parts > 1 ? cvy_split_share(count, cut, block->part, block->parts) : (cvy_slice){0, count};
}

static bool is_empty(cvy_slice slice) {
    return slice.first >= slice.end;
}

/* Some channels of a value, or of its gradient: `times` runs of `count` floats, which begin `stride` apart. */
typedef struct run {
    size_t first, count, stride, times;
} run;

static run run_of(cvy_shape shape, cvy_slice channels) {
    const size_t pixels = (size_t)shape.height * (size_t)shape.width;
    const size_t first = (size_t)channels.first * CVY_LANES, end = (size_t)channels.end * CVY_LANES;
    if (channels.end - channels.first == shape.channels)
        return (run){0, lanes(shape), 0, 1};
    return (run){first, end - first, (size_t)shape.channels * CVY_LANES, is_empty(channels) ? 0 : pixels};
}

/* ---- Borders ---------------------------------------------------------------------------------------------------- */

/* What a convolution reads; each part has the images in a border of its own. */
static float *padded_of(const cvy_block *block, int index) {
    const ptrdiff_t padded = block->plan->stages[index].padded;
    return index == 0 ? own_at(block, padded) : at(block, padded);
}

static const float *with_border(const cvy_block *block, int index, const float *x) {
    const float *padded = padded_of(block, index);
    return padded ? padded : x;
}

static cvy_image_shape inner_of(const cvy_stage *stage) {
    return (cvy_image_shape){.height = stage->input.height,
                             .width = stage->input.width,
                             .channels = stage->input.channels,
                             .row = stage->input.width * stage->input.channels,
                             .image = stage->input.height * stage->input.width * stage->input.channels};
}

/* Where pixel p of the interior stands within the border. */
static size_t place_of(const cvy_stage *stage, size_t p) {
    const size_t y = p / (size_t)stage->input.width, x = p % (size_t)stage->input.width;
    const size_t row = (size_t)stage->conv2d.top + y, column = (size_t)stage->conv2d.left + x;
    return (row * (size_t)stage->conv2d.shape.input.width + column) * (size_t)stage->input.channels * CVY_LANES;
}

/* Of a shared block a part moves the channels that it has written; the border was zero from the start, and stays so. */
void cvy_block_enter_stage(const cvy_block *block, int index, const float *x) {
    const cvy_stage *stage = &block->plan->stages[index];
    const cvy_image_shape inner = inner_of(stage), *outer = &stage->conv2d.shape.input;
    float *padded = padded_of(block, index);
    if (!padded)
        return;
    if (index == 0 || block->parts <= 1) {
        block->kernels->pad_hwc16n(&inner, stage->conv2d.top, stage->conv2d.left, outer->height, outer->width, x,
                                   padded);
        return;
    }
    const cvy_slice channels = share(block, inner.channels, stage[-1].cut.value);
    const size_t pixel = (size_t)inner.channels * CVY_LANES, first = (size_t)channels.first * CVY_LANES;
    const size_t bytes = (size_t)(channels.end - channels.first) * CVY_LANES * sizeof *x;
    for (size_t p = 0; p < lanes(stage->input) / pixel && bytes; p++)
        memcpy(padded + place_of(stage, p) + first, x + p * pixel + first, bytes);
}

/* The interior of a gradient with its border, times `derivative` unless NULL: the channels that this part computed. */
static void take_interior(const cvy_block *block, const cvy_stage *stage, const float *bordered,
                          const float *derivative, float *dx) {
    const cvy_image_shape inner = inner_of(stage), *outer = &stage->conv2d.shape.input;
    if (block->parts <= 1) {
        block->kernels->crop_hwc16n(&inner, stage->conv2d.top, stage->conv2d.left, outer->height, outer->width,
                                    bordered, derivative, dx);
        return;
    }
    const cvy_slice channels = share(block, inner.channels, stage->cut.input);
    const size_t pixel = (size_t)inner.channels * CVY_LANES, first = (size_t)channels.first * CVY_LANES;
    const size_t count = (size_t)(channels.end - channels.first) * CVY_LANES;
    for (size_t p = 0; p < lanes(stage->input) / pixel && count; p++) {
        const float *from = bordered + place_of(stage, p) + first;
        const size_t to = p * pixel + first;
        if (derivative)
            block->kernels->multiply(count, from, derivative + to, dx + to);
        else
            memcpy(dx + to, from, count * sizeof *dx);
    }
}

/* ---- Forward ---------------------------------------------------------------------------------------------------- */

/* Keeps an element with probability 1 - rate and scales it by 1 / (1 - rate). One 128-bit draw serves four elements of
 * an image; its index holds layer, image and element, so that neither threads nor blocks can matter. */
static void draw_dropout(const cvy_stage *stage, const cvy_block_random *random, size_t first, size_t end,
                         float *keep) {
    const uint64_t threshold = (uint64_t)(stage->rate * 0x1p32);
    const float scale = stage->rate < 1.0 ? (float)(1.0 / (1.0 - stage->rate)) : 0.0f;
    for (size_t l = 0; l < CVY_LANES; l++) {
        uint64_t image = (uint64_t)stage->first_layer << 56 | (uint64_t)(random->first + l) << 24;
        for (size_t four = first / 4; 4 * four < end; four++) {
            cvy_random draw = cvy_random_at(random->seed, CVY_RANDOM_DROPOUT, random->step, image | four);
            for (size_t k = 0; k < 4; k++) {
                const size_t e = 4 * four + k;
                if (e >= first && e < end)
                    keep[e * CVY_LANES + l] = draw.u[k] >= threshold ? scale : 0.0f;
            }
        }
    }
}

static void activate(const cvy_block *block, const cvy_stage *stage, run r, const float *x, float *value,
                     float *derivative) {
    for (size_t i = 0, first = r.first; i < r.times; i++, first += r.stride)
        block->kernels->activation_forward(stage->activation, r.count, x + first, value + first,
                                           derivative ? derivative + first : NULL);
}

static void rescale(const cvy_block *block, const cvy_stage *stage, run r, float offset, const float *x, float *value) {
    for (size_t i = 0, first = r.first; i < r.times; i++, first += r.stride)
        block->kernels->scale(r.count, stage->rescaling.scale, offset, x + first, value + first);
}

static void multiply(const cvy_block *block, run r, const float *a, const float *b, float *product) {
    for (size_t i = 0, first = r.first; i < r.times; i++, first += r.stride)
        block->kernels->multiply(r.count, a + first, b + first, product + first);
}

static void drop(const cvy_block *block, const cvy_stage *stage, run r, const cvy_block_random *random, const float *x,
                 float *keep, float *value) {
    for (size_t i = 0, first = r.first; i < r.times; i++, first += r.stride)
        draw_dropout(stage, random, first / CVY_LANES, (first + r.count) / CVY_LANES, keep);
    multiply(block, r, x, keep, value);
}

static void conv2d_forward(const cvy_block *block, int index, cvy_slice filters, const float *x, const float *weights,
                           const float *bias, float *value, float *derivative, int32_t *argmax) {
    const cvy_stage *stage = &block->plan->stages[index];
    cvy_conv2d_shape shape = stage->conv2d.shape;
    shape.slice = filters;
    x = with_border(block, index, x);
    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
        block->kernels->conv2d_maxpool2x2_forward_hwc16n(&shape, stage->activation, x, weights, bias, value, derivative,
                                                         argmax);
    else
        block->kernels->conv2d_forward_hwc16n(&shape, x, weights, bias, value);
}

static void dense_forward(const cvy_block *block, const cvy_stage *stage, cvy_slice units, const float *x,
                          const float *weights, const float *bias, float *value) {
    cvy_dense_shape shape = stage->dense;
    shape.slice = units;
    block->kernels->dense_forward_hwc16n(&shape, x, weights, bias, value);
}

static void pool_forward(const cvy_block *block, const cvy_stage *stage, cvy_slice channels, const float *x,
                         float *value, int32_t *argmax) {
    cvy_pool_shape shape = stage->pool;
    shape.slice = channels;
    if (stage->kind == CVY_STAGE_MAX_POOLING2D)
        block->kernels->maxpool_forward_hwc16n(&shape, x, value, argmax);
    else
        block->kernels->avgpool_forward_hwc16n(&shape, x, value);
}

const float *cvy_block_forward_stage(const cvy_block *block, int index, const float *x, const float *parameters,
                                     const cvy_block_random *random) {
    const cvy_stage *stage = &block->plan->stages[index];
    const float *weights = parameter(parameters, stage->weights), *bias = parameter(parameters, stage->bias);
    float *value = at(block, stage->value);
    float *derivative = random ? at(block, stage->derivative) : NULL;
    int32_t *argmax = random ? (int32_t *)at(block, stage->argmax) : NULL;
    const cvy_slice channels = share(block, stage->output.channels, stage->cut.value);
    const run r = run_of(stage->output, channels);

    if (stage->kind == CVY_STAGE_DROPOUT && !random)
        return x;
    if (is_empty(channels))
        return value;
    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
        conv2d_forward(block, index, channels, x, weights, bias, value, NULL, NULL);
        break;
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        conv2d_forward(block, index, channels, x, weights, bias, value, derivative, argmax);
        return value;
    case CVY_STAGE_DENSE:
        dense_forward(block, stage, channels, x, weights, bias, value);
        break;
    case CVY_STAGE_MAX_POOLING2D:
    case CVY_STAGE_AVERAGE_POOLING2D:
        pool_forward(block, stage, channels, x, value, argmax);
        return value;
    case CVY_STAGE_ACTIVATION:
        activate(block, stage, r, x, value, derivative);
        return value;
    case CVY_STAGE_SOFTMAX:
        block->kernels->softmax_forward_hwc16n(stage->output.height * stage->output.width, stage->output.channels, x,
                                               value);
        return value;
    case CVY_STAGE_RESCALING:
        rescale(block, stage, r, stage->rescaling.offset, x, value);
        return value;
    case CVY_STAGE_DROPOUT:
        drop(block, stage, r, random, x, derivative, value);
        return value;
    }
    if (stage->activation != CVY_ACT_LINEAR)
        activate(block, stage, r, value, value, derivative);
    return value;
}

const float *cvy_block_forward(const cvy_block *block, const float *parameters, const cvy_block_random *random) {
    if (block->plan->layout == CVY_LAYOUT_NHWC)
        return cvy_block_forward_nhwc(block, parameters);
    const float *x = cvy_block_own(block) + block->plan->input_block;
    for (int i = 0; i < block->plan->count; i++) {
        cvy_block_enter_stage(block, i, x);
        x = cvy_block_forward_stage(block, i, x, parameters, random);
    }
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
    return index > 0 ? at(block, block->plan->stages[index - 1].value) : own_at(block, block->plan->input_block);
}

/* Gradient of some filters' weights and biases: from the winners of the pool, or else from the input as 16 NHWC images,
 * which each part turns for itself. */
static void conv2d_backward_weights(const cvy_block *block, int index, float *dweights, float *dbias) {
    const cvy_kernels *k = block->kernels;
    const cvy_stage *stage = &block->plan->stages[index];
    const float *x = with_border(block, index, input_of(block, index)), *dy = at(block, stage->gradient);
    float *images = own_at(block, stage->images);
    cvy_conv2d_shape shape = stage->conv2d.shape;
    shape.slice = share(block, shape.filters, stage->cut.weights);
    if (is_empty(shape.slice))
        return;
    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2) {
        k->conv2d_maxpool2x2_backward_weights_hwc16n(&shape, x, dy, (const int32_t *)at(block, stage->argmax), dweights,
                                                     dbias, own_at(block, stage->scratch));
        return;
    }
    if (stage->images != block->plan->input_images)
        k->reorder_hwc16n_nhwc(&shape.input, x, images);
    k->conv2d_backward_weights_hwc16n(&shape, images, dy, dweights, dbias);
}

/* Gradient of the weights of some of a dense layer's inputs; the biases go with the first. */
static void dense_backward_weights(const cvy_block *block, int index, float *dweights, float *dbias) {
    const cvy_stage *stage = &block->plan->stages[index];
    const cvy_slice inputs = share(block, stage->dense.inputs, stage->cut.weights);
    if (is_empty(inputs))
        return;
    cvy_dense_shape shape = stage->dense;
    shape.inputs = inputs.end - inputs.first;
    block->kernels->dense_backward_weights_hwc16n(&shape, input_of(block, index) + (size_t)inputs.first * CVY_LANES,
                                                  at(block, stage->gradient),
                                                  dweights + (size_t)inputs.first * (size_t)shape.units,
                                                  inputs.first == 0 ? dbias : NULL, own_at(block, stage->scratch));
}

void cvy_block_backward_weights(const cvy_block *block, int index, float *gradient) {
    const cvy_stage *stage = &block->plan->stages[index];
    float *dweights = stage->weights == CVY_NONE ? NULL : gradient + stage->weights;
    float *dbias = stage->bias == CVY_NONE ? NULL : gradient + stage->bias;

    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        conv2d_backward_weights(block, index, dweights, dbias);
        break;
    case CVY_STAGE_DENSE:
        dense_backward_weights(block, index, dweights, dbias);
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

/* Gradient of some channels of a convolution's input, times `derivative` unless NULL. */
static void conv2d_backward_data(const cvy_block *block, const cvy_stage *stage, const float *weights,
                                 const float *derivative, float *dx) {
    const cvy_kernels *k = block->kernels;
    const float *dy = at(block, stage->gradient);
    float *bordered = at(block, stage->padded_gradient);
    float *target = bordered ? bordered : dx;
    const float *factor = bordered ? NULL : derivative;
    cvy_conv2d_shape shape = stage->conv2d.shape;
    shape.slice = share(block, shape.input.channels, stage->cut.input);
    if (is_empty(shape.slice))
        return;
    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
        k->conv2d_maxpool2x2_backward_data_hwc16n(&shape, dy, (const int32_t *)at(block, stage->argmax), weights,
                                                  factor, target, own_at(block, stage->scratch));
    else
        k->conv2d_backward_data_hwc16n(&shape, dy, weights, factor, target);
    if (bordered)
        take_interior(block, stage, bordered, derivative, dx);
}

static void dense_backward_data(const cvy_block *block, const cvy_stage *stage, const float *weights,
                                const float *derivative, float *dx) {
    const cvy_slice inputs = share(block, stage->dense.inputs, stage->cut.input);
    if (is_empty(inputs))
        return;
    cvy_dense_shape shape = stage->dense;
    shape.inputs = inputs.end - inputs.first;
    const size_t first = (size_t)inputs.first * CVY_LANES;
    block->kernels->dense_backward_data_hwc16n(&shape, at(block, stage->gradient),
                                               weights + (size_t)inputs.first * (size_t)shape.units,
                                               derivative ? derivative + first : NULL, dx + first);
}

static void pool_backward(const cvy_block *block, const cvy_stage *stage, const float *dy, const float *derivative,
                          float *dx) {
    cvy_pool_shape shape = stage->pool;
    shape.slice = share(block, shape.channels, stage->cut.input);
    if (is_empty(shape.slice))
        return;
    if (stage->kind == CVY_STAGE_MAX_POOLING2D)
        block->kernels->maxpool_backward_hwc16n(&shape, dy, (const int32_t *)at(block, stage->argmax), derivative, dx);
    else
        block->kernels->avgpool_backward_hwc16n(&shape, dy, derivative, dx);
}

/* These share dx with dy, and dy holds the stage's own derivative already. */
static void elementwise_backward(const cvy_block *block, const cvy_stage *stage, const float *derivative, float *dx) {
    const run r = run_of(stage->input, share(block, stage->input.channels, stage->cut.input));
    if (stage->kind == CVY_STAGE_RESCALING)
        rescale(block, stage, r, 0.0f, dx, dx);
    if (derivative)
        multiply(block, r, dx, derivative, dx);
}

void cvy_block_backward_data(const cvy_block *block, int index, const float *parameters) {
    const cvy_stage *stage = &block->plan->stages[index], *before = stage - 1;
    const float *dy = at(block, stage->gradient), *derivative = at(block, before->derivative);
    float *dx = at(block, before->gradient);

    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        conv2d_backward_data(block, stage, parameters + stage->weights, derivative, dx);
        break;
    case CVY_STAGE_DENSE:
        dense_backward_data(block, stage, parameters + stage->weights, derivative, dx);
        break;
    case CVY_STAGE_MAX_POOLING2D:
    case CVY_STAGE_AVERAGE_POOLING2D:
        pool_backward(block, stage, dy, derivative, dx);
        break;
    case CVY_STAGE_SOFTMAX:
        if (block->part == 0)
            block->kernels->softmax_backward_hwc16n(stage->output.height * stage->output.width, stage->output.channels,
                                                    at(block, stage->value), dy, derivative, dx);
        break;
    case CVY_STAGE_RESCALING:
    case CVY_STAGE_ACTIVATION:
    case CVY_STAGE_DROPOUT:
        elementwise_backward(block, stage, derivative, dx);
        break;
    }
}
