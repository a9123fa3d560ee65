#include "block_nhwc.h"

#include <string.h>

/* What a convolution reads: x, or a copy within borders, which are zero from the start and stay so. */
static const float *with_borders(const cvy_block *block, const cvy_stage *stage, const float *x) {
    if (stage->padded == CVY_NONE)
        return x;
    const cvy_image_shape *outer = &stage->conv2d.shape.input;
    const size_t row = (size_t)stage->input.width * (size_t)stage->input.channels;
    float *padded = block->workspace + stage->padded;
    float *to = padded + stage->conv2d.top * outer->row + stage->conv2d.left * outer->channels;
    for (int n = 0; n < block->count; n++, to += outer->image)
        for (int y = 0; y < stage->input.height; y++, x += row)
            memcpy(to + y * outer->row, x, row * sizeof *x);
    return padded;
}

static void forward_conv2d(const cvy_block *block, const cvy_stage *stage, const float *x, const float *weights,
                           const float *bias, float *value) {
    const cvy_kernels *k = block->kernels;
    const cvy_conv2d_shape *shape = &stage->conv2d.shape;
    const bool pooled = stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2;
    float *sums = pooled ? block->workspace + stage->sums : value;
    k->conv2d_forward_nhwc(shape, block->count, with_borders(block, stage, x), weights, bias, sums,
                           block->workspace + stage->scratch);
    if (!pooled)
        return;
    const int32_t row = shape->output_width * shape->filters;
    const cvy_image_shape image = {shape->output_height, shape->output_width, shape->filters, row,
                                   shape->output_height * row};
    k->activation_maxpool2x2_forward_nhwc(&image, stage->activation, block->count, sums, value);
}

/* Runs one stage on x and returns its value. */
static const float *forward(const cvy_block *block, const cvy_stage *stage, const float *x, const float *parameters) {
    const cvy_kernels *k = block->kernels;
    const float *weights = stage->weights == CVY_NONE ? NULL : parameters + stage->weights;
    const float *bias = stage->bias == CVY_NONE ? NULL : parameters + stage->bias;
    const size_t count = (size_t)block->count * cvy_shape_count(stage->output);
    float *value = block->workspace + stage->value;

    switch (stage->kind) {
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        forward_conv2d(block, stage, x, weights, bias, value);
        return value;
    case CVY_STAGE_CONV2D:
        forward_conv2d(block, stage, x, weights, bias, value);
        break;
    case CVY_STAGE_DENSE:
        k->dense_forward_nhwc(&stage->dense, block->count, x, weights, bias, value);
        break;
    case CVY_STAGE_MAX_POOLING2D:
        k->maxpool_forward_nhwc(&stage->pool, block->count, x, value, NULL);
        return value;
    case CVY_STAGE_AVERAGE_POOLING2D:
        k->avgpool_forward_nhwc(&stage->pool, block->count, x, value);
        return value;
    case CVY_STAGE_ACTIVATION:
        k->activation_forward(stage->activation, count, x, value, NULL);
        return value;
    case CVY_STAGE_SOFTMAX:
        k->softmax_forward_nhwc(block->count * stage->output.height * stage->output.width, stage->output.channels,
                                stage->output.channels, x, value);
        return value;
    case CVY_STAGE_RESCALING:
        k->scale(count, stage->rescaling.scale, stage->rescaling.offset, x, value);
        return value;
    case CVY_STAGE_DROPOUT:
        return x;
    }
    if (stage->activation != CVY_ACT_LINEAR)
        k->activation_forward(stage->activation, count, value, value, NULL);
    return value;
}

const float *cvy_block_forward_nhwc(const cvy_block *block, const float *parameters) {
    const float *x = block->workspace + block->plan->input_block;
    for (int i = 0; i < block->plan->count; i++)
        x = forward(block, &block->plan->stages[i], x, parameters);
    return x;
}
