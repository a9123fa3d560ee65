#include "workspace.h"

#include "../../kernels/scratch.h"

cvy_image_shape cvy_plan_image(int32_t height, int32_t width, int32_t channels) {
    const int32_t row = width * channels;
    return (cvy_image_shape){height, width, channels, row, (height * row + 31) / 16 * 16};
}

static bool elementwise(cvy_stage_kind kind) {
    return kind == CVY_STAGE_RESCALING || kind == CVY_STAGE_ACTIVATION || kind == CVY_STAGE_DROPOUT;
}

/* ---- HWC16N ----------------------------------------------------------------------------------------------------- */

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

/* Buffers of the forward pass, and of the gradient. */
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
    /* An elementwise stage computes its gradient in place. */
    bool shared = elementwise(stage->kind) && i > plan->first_trainable;
    stage->gradient = shared ? plan->stages[i - 1].gradient : reserve_lanes(plan, output);
}

/* Buffers that a stage needs during its own backward step only: all stages share them. */
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

/* Whether the gradient of the first stage's weights reads the images as loaded. */
static bool reads_images(const cvy_plan *plan) {
    const cvy_stage *first = plan->stages;
    return plan->count > 0 && plan->first_trainable == 0 && first->kind == CVY_STAGE_CONV2D &&
           first->conv2d.shape.input.height == first->input.height &&
           first->conv2d.shape.input.width == first->input.width;
}

static void reserve_hwc16n(cvy_plan *plan, const cvy_network *network) {
    cvy_shape input = network->layers[0].output;
    plan->input = cvy_plan_image(input.height, input.width, input.channels);
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

/* ---- NHWC ------------------------------------------------------------------------------------------------------- */

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

static void reserve_nhwc(cvy_plan *plan, const cvy_network *network) {
    cvy_shape input = network->layers[0].output;
    plan->input = cvy_plan_image(input.height, input.width, input.channels);
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

void cvy_plan_reserve(cvy_plan *plan, const cvy_network *network) {
    if (plan->layout == CVY_LAYOUT_NHWC)
        reserve_nhwc(plan, network);
    else
        reserve_hwc16n(plan, network);
}
