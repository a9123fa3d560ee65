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

/* ---- Shares -------------------------------------------------------------------------------------------------------
 */

static cvy_slice share(const cvy_block *block, int count, int cut) {
    return block->parts > 1 ? cvy_split_share(count, cut, block->part, block->parts) : (cvy_slice){0, count};
}

static bool is_empty(cvy_slice slice) {
    return slice.first >= slice.end;
}

/* Floats of a block. */
typedef struct run {
    size_t first, count;
} run;

/* A slice of a value or its gradient. */
static run run_of(cvy_shape shape, cvy_slice slice) {
    const size_t row = lanes(shape) / (size_t)cvy_split_extent(shape);
    return (run){row * (size_t)slice.first, row * (size_t)(slice.end - slice.first)};
}

static float *from(float *values, size_t first) {
    return values ? values + first : NULL;
}

/* Some of a convolution's output rows as a convolution of their own. */
static cvy_conv2d_shape output_rows(const cvy_conv2d_shape *whole, int rows) {
    cvy_conv2d_shape shape = *whole;
    shape.output_height = rows;
    shape.input.height = (rows - 1) * shape.stride_y + shape.kernel_height;
    return shape;
}

static size_t row_of(const cvy_image_shape *image) {
    return (size_t)image->width * (size_t)image->channels * CVY_LANES;
}

/* ---- Forward ---------------------------------------------------------------------------------------------------- */

void cvy_block_enter_stage(const cvy_block *block, int index, const float *x) {
    const cvy_stage *stage = &block->plan->stages[index];
    float *padded = at(block, stage->padded);
    if (!padded)
        return;
    const cvy_image_shape *outer = &stage->conv2d.shape.input;
    const int height = stage->input.height, top = stage->conv2d.top;
    const cvy_slice own = share(block, height, index > 0 ? stage[-1].cut.value : 0);
    if (is_empty(own))
        return;
    /* The border above goes with the first row, that below with the last one. */
    const int first = own.first == 0 ? 0 : top + own.first, end = own.end == height ? outer->height : top + own.end;
    const cvy_image_shape inner = {
        .height = own.end - own.first, .width = stage->input.width, .channels = stage->input.channels};
    block->kernels->pad_hwc16n(&inner, top + own.first - first, stage->conv2d.left, end - first, outer->width,
                               x + (size_t)own.first * row_of(&inner), padded + (size_t)first * row_of(outer));
}

/* What a convolution reads. */
static const float *with_border(const cvy_block *block, const cvy_stage *stage, const float *x) {
    return stage->padded == CVY_NONE ? x : at(block, stage->padded);
}

static void conv2d_forward(const cvy_block *block, const cvy_stage *stage, cvy_slice rows, const float *x,
                           const float *weights, const float *bias, float *value) {
    const cvy_conv2d_shape shape = output_rows(&stage->conv2d.shape, rows.end - rows.first);
    x = with_border(block, stage, x) + (size_t)(rows.first * shape.stride_y) * row_of(&shape.input);
    block->kernels->conv2d_forward_hwc16n(&shape, x, weights, bias, value);
}

/* Rows of windows. */
static void conv2d_maxpool2x2_forward(const cvy_block *block, const cvy_stage *stage, cvy_slice rows, const float *x,
                                      const float *weights, const float *bias, float *value, float *derivative,
                                      int32_t *winner) {
    const cvy_conv2d_shape shape = output_rows(&stage->conv2d.shape, 2 * (rows.end - rows.first));
    x = with_border(block, stage, x) + (size_t)(2 * rows.first * shape.stride_y) * row_of(&shape.input);
    block->kernels->conv2d_maxpool2x2_forward_hwc16n(&shape, stage->activation, x, weights, bias, value, derivative,
                                                     winner);
}

static void dense_forward(const cvy_block *block, const cvy_stage *stage, cvy_slice units, const float *x,
                          const float *weights, const float *bias, float *value) {
    cvy_dense_shape shape = stage->dense;
    shape.slice = units;
    block->kernels->dense_forward_hwc16n(&shape, x, weights, bias, value);
}

static void pool_forward(const cvy_block *block, const cvy_stage *stage, cvy_slice rows, const float *x, float *value,
                         int32_t *winner) {
    cvy_pool_shape shape = stage->pool;
    shape.slice = rows;
    if (stage->kind == CVY_STAGE_MAX_POOLING2D)
        block->kernels->maxpool_forward_hwc16n(&shape, x, value, winner);
    else
        block->kernels->avgpool_forward_hwc16n(&shape, x, value);
}

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

const float *cvy_block_forward_stage(const cvy_block *block, int index, const float *x, const float *parameters,
                                     const cvy_block_random *random) {
    const cvy_stage *stage = &block->plan->stages[index];
    const cvy_kernels *k = block->kernels;
    const float *weights = parameter(parameters, stage->weights), *bias = parameter(parameters, stage->bias);
    float *value = at(block, stage->value);
    float *derivative = random ? at(block, stage->derivative) : NULL;
    int32_t *winner = random ? (int32_t *)at(block, stage->winner) : NULL;
    const cvy_slice own = share(block, cvy_split_extent(stage->output), stage->cut.value);
    const run r = run_of(stage->output, own);

    if (stage->kind == CVY_STAGE_DROPOUT && !random)
        return x;
    if (is_empty(own))
        return value;
    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
        conv2d_forward(block, stage, own, x, weights, bias, value + r.first);
        break;
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        conv2d_maxpool2x2_forward(block, stage, own, x, weights, bias, value + r.first, from(derivative, r.first),
                                  winner ? winner + r.first : NULL);
        return value;
    case CVY_STAGE_DENSE:
        dense_forward(block, stage, own, x, weights, bias, value);
        break;
    case CVY_STAGE_MAX_POOLING2D:
    case CVY_STAGE_AVERAGE_POOLING2D:
        pool_forward(block, stage, own, x, value, winner);
        return value;
    case CVY_STAGE_ACTIVATION:
        k->activation_forward(stage->activation, r.count, x + r.first, value + r.first, from(derivative, r.first));
        return value;
    case CVY_STAGE_SOFTMAX:
        k->softmax_forward_hwc16n(stage->output.height * stage->output.width, stage->output.channels, x, value);
        return value;
    case CVY_STAGE_RESCALING:
        k->scale(r.count, stage->rescaling.scale, stage->rescaling.offset, x + r.first, value + r.first);
        return value;
    case CVY_STAGE_DROPOUT:
        draw_dropout(stage, random, r.first / CVY_LANES, (r.first + r.count) / CVY_LANES, derivative);
        k->multiply(r.count, x + r.first, derivative + r.first, value + r.first);
        return value;
    }
    if (stage->activation != CVY_ACT_LINEAR)
        k->activation_forward(stage->activation, r.count, value + r.first, value + r.first, from(derivative, r.first));
    return value;
}

const float *cvy_block_forward(const cvy_block *block, const float *parameters, const cvy_block_random *random) {
    if (block->plan->layout == CVY_LAYOUT_NHWC)
        return cvy_block_forward_nhwc(block, parameters);
    const float *x = block->workspace + block->plan->input_block;
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
    return at(block, index > 0 ? block->plan->stages[index - 1].value : block->plan->input_block);
}

/* Whether the gradient of a stage's weights reads its input as 16 NHWC images, and nothing has left them there. */
static bool wants_images(const cvy_block *block, const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_CONV2D && stage->images != block->plan->input_images;
}

bool cvy_block_backward_images(const cvy_block *block, int index) {
    const cvy_stage *stage = &block->plan->stages[index];
    if (!wants_images(block, stage))
        return false;
    const bool shared = block->parts > 1 && stage->cut.weights != 0;
    cvy_image_shape image = stage->conv2d.shape.input;
    const cvy_slice own = share(block, image.height, shared ? 1 : 0);
    image.height = own.end - own.first;
    if (!is_empty(own))
        block->kernels->reorder_hwc16n_nhwc(
            &image, with_border(block, stage, input_of(block, index)) + (size_t)own.first * row_of(&image),
            at(block, stage->images) + (size_t)own.first * (size_t)image.row);
    return shared;
}

static float *scratch(const cvy_block *block, const cvy_stage *stage) {
    return block->part == 0 ? at(block, stage->scratch) : block->scratch;
}

/* Gradient of the weights and biases of some filters: from the winners of the pool, or else from the input as 16 NHWC
 * images. */
static void conv2d_backward_weights(const cvy_block *block, const cvy_stage *stage, const float *x, float *dweights,
                                    float *dbias) {
    const cvy_kernels *k = block->kernels;
    const float *dy = at(block, stage->gradient);
    cvy_conv2d_shape shape = stage->conv2d.shape;
    shape.slice = share(block, shape.filters, stage->cut.weights);
    if (is_empty(shape.slice))
        return;
    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
        k->conv2d_maxpool2x2_backward_weights_hwc16n(&shape, with_border(block, stage, x), dy,
                                                     (const int32_t *)at(block, stage->winner), dweights, dbias,
                                                     scratch(block, stage));
    else
        k->conv2d_backward_weights_hwc16n(&shape, at(block, stage->images), dy, dweights, dbias);
}

/* Gradient of the weights of some of a dense layer's inputs; the biases go with the first. */
static void dense_backward_weights(const cvy_block *block, const cvy_stage *stage, const float *x, float *dweights,
                                   float *dbias) {
    const cvy_slice own = share(block, stage->dense.inputs, stage->cut.weights);
    if (is_empty(own))
        return;
    cvy_dense_shape shape = stage->dense;
    shape.inputs = own.end - own.first;
    block->kernels->dense_backward_weights_hwc16n(&shape, x + (size_t)own.first * CVY_LANES, at(block, stage->gradient),
                                                  dweights + (size_t)own.first * (size_t)shape.units,
                                                  own.first == 0 ? dbias : NULL, scratch(block, stage));
}

void cvy_block_backward_weights(const cvy_block *block, int index, float *gradient) {
    const cvy_stage *stage = &block->plan->stages[index];
    float *dweights = stage->weights == CVY_NONE ? NULL : gradient + stage->weights;
    float *dbias = stage->bias == CVY_NONE ? NULL : gradient + stage->bias;

    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        conv2d_backward_weights(block, stage, input_of(block, index), dweights, dbias);
        break;
    case CVY_STAGE_DENSE:
        dense_backward_weights(block, stage, input_of(block, index), dweights, dbias);
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

/* Gradient of some channels of a convolution's input, times `derivative` unless NULL; or, with its border, as it is. */
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
        k->conv2d_maxpool2x2_backward_data_hwc16n(&shape, dy, (const int32_t *)at(block, stage->winner), weights,
                                                  factor, target, scratch(block, stage));
    else
        k->conv2d_backward_data_hwc16n(&shape, dy, weights, factor, target);
}

static void dense_backward_data(const cvy_block *block, const cvy_stage *stage, const float *weights,
                                const float *derivative, float *dx) {
    const cvy_slice own = share(block, stage->dense.inputs, stage->cut.input);
    if (is_empty(own))
        return;
    cvy_dense_shape shape = stage->dense;
    shape.inputs = own.end - own.first;
    const size_t first = (size_t)own.first * CVY_LANES;
    block->kernels->dense_backward_data_hwc16n(&shape, at(block, stage->gradient),
                                               weights + (size_t)own.first * (size_t)shape.units,
                                               derivative ? derivative + first : NULL, dx + first);
}

/* Rows of a pool's input. */
static void pool_backward(const cvy_block *block, const cvy_stage *stage, const float *dy, const float *derivative,
                          float *dx) {
    cvy_pool_shape shape = stage->pool;
    shape.slice = share(block, shape.height, stage->cut.input);
    if (is_empty(shape.slice))
        return;
    if (stage->kind == CVY_STAGE_MAX_POOLING2D)
        block->kernels->maxpool_backward_hwc16n(&shape, dy, (const int32_t *)at(block, stage->winner), derivative, dx);
    else
        block->kernels->avgpool_backward_hwc16n(&shape, dy, derivative, dx);
}

/* These share dx with dy, and dy holds the stage's own derivative already. */
static void elementwise_backward(const cvy_block *block, const cvy_stage *stage, const float *derivative, float *dx) {
    const run r = run_of(stage->input, share(block, cvy_split_extent(stage->input), stage->cut.input));
    dx += r.first;
    if (stage->kind == CVY_STAGE_RESCALING)
        block->kernels->scale(r.count, stage->rescaling.scale, 0.0f, dx, dx);
    if (derivative)
        block->kernels->multiply(r.count, dx, derivative + r.first, dx);
}

bool cvy_block_backward_data(const cvy_block *block, int index, const float *parameters) {
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
    return stage->padded_gradient != CVY_NONE && stage->cut.input;
}

void cvy_block_leave_stage(const cvy_block *block, int index) {
    const cvy_stage *stage = &block->plan->stages[index], *before = stage - 1;
    if (stage->padded_gradient == CVY_NONE)
        return;
    const cvy_image_shape *outer = &stage->conv2d.shape.input;
    const float *bordered = at(block, stage->padded_gradient), *derivative = at(block, before->derivative);
    const cvy_slice own = share(block, stage->input.height, stage->cut.input ? 1 : 0);
    if (is_empty(own))
        return;
    const cvy_image_shape inner = {
        .height = own.end - own.first, .width = stage->input.width, .channels = outer->channels};
    const size_t row = (size_t)own.first * row_of(&inner);
    block->kernels->crop_hwc16n(&inner, 0, stage->conv2d.left, inner.height, outer->width,
                                bordered + (size_t)(stage->conv2d.top + own.first) * row_of(outer),
                                derivative ? derivative + row : NULL, at(block, before->gradient) + row);
}
