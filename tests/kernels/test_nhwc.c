/* Convolution and pooling of images in NHWC. */
#include <math.h>
#include <string.h>

#include "nhwc.h"
#include "scratch.h"

/* ---- Convolution ------------------------------------------------------------------------------------------------ */

static void describe_conv2d(check *c, size_t number, check_step step, const char *name, const cvy_conv2d_shape *s,
                            int32_t count, const char *more) {
    check_case(c, number, step, "%s %d images %dx%dx%d, kernel %dx%d, stride %dx%d, %d filters%s",
               name ? name : "sweep", count, s->input.height, s->input.width, s->input.channels, s->kernel_height,
               s->kernel_width, s->stride_y, s->stride_x, s->filters, more);
}

static size_t input_elements(const cvy_conv2d_shape *s) {
    return conv2d_inputs(s) / CVY_LANES;
}

static size_t output_elements(const cvy_conv2d_shape *s) {
    return conv2d_outputs(s) / CVY_LANES;
}

static check_axes conv2d_outputs_of(const cvy_conv2d_shape *s, int32_t count) {
    return CHECK_AXES((size_t)count, (size_t)s->output_height, (size_t)s->output_width, (size_t)s->filters);
}

static check_axes conv2d_inputs_of(const cvy_conv2d_shape *s, int32_t count) {
    return CHECK_AXES((size_t)count, (size_t)s->input.height, (size_t)s->input.width, (size_t)s->input.channels);
}

static check_axes weight_axes(const cvy_conv2d_shape *s) {
    return CHECK_AXES((size_t)s->kernel_height, (size_t)s->kernel_width, (size_t)s->input.channels, (size_t)s->filters);
}

static void forward(check *c, size_t i, check_step step, const char *name, const cvy_conv2d_shape *s) {
    const int32_t count = nhwc_count_at(i, step, false);
    const size_t inputs = input_elements(s), outputs = output_elements(s);
    describe_conv2d(c, i, step, name, s, count, i % 5 == 4 ? ", no bias" : "");
    const float *x = check_input_nhwc(c, "x", (size_t)count * inputs);
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const float *bias = i % 5 == 4 ? NULL : check_input(c, "bias", (size_t)s->filters);
    float *y = check_output_nhwc(c, "y", (size_t)count * outputs);
    float *scratch = check_scratch(c, "scratch", cvy_conv2d_forward_nhwc_scratch(s));
    const float *block = nhwc_to_block(c, nhwc_images(count, inputs), x);
    oracle_value *values = nhwc_values_for(c, outputs);
    float *twin = nhwc_block_for(c, outputs);
    oracle_conv2d_forward(s, block, weights, bias, step == CHECK_INTEGER, values);
    rows.conv2d_forward_hwc16n[CVY_TIER_scalar](s, block, weights, bias, twin);
    const oracle_value *expected = nhwc_values_from_block(c, nhwc_images(count, outputs), values);
    const float *same = nhwc_from_block(c, nhwc_images(count, outputs), twin);
    CHECK_EACH_TIER(c) {
        rows.conv2d_forward_nhwc[c->tier](s, count, x, weights, bias, y, scratch);
        check_values(c, "y", y, expected, conv2d_outputs_of(s, count), 0.5);
        check_floats(c, "y in HWC16N", y, same, conv2d_outputs_of(s, count));
    }
}

static void backward_data(check *c, size_t i, check_step step, const char *name, const cvy_conv2d_shape *s) {
    const int32_t count = nhwc_count_at(i, step, false);
    const size_t inputs = input_elements(s), outputs = output_elements(s);
    describe_conv2d(c, i, step, name, s, count, i % 3 == 0 ? "" : ", with derivative");
    const float *dy = check_input_nhwc(c, "dy", (size_t)count * outputs);
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const float *derivative = i % 3 == 0 ? NULL : check_input_nhwc(c, "derivative", (size_t)count * inputs);
    float *dx = check_output_nhwc(c, "dx", (size_t)count * inputs);
    float *scratch = check_scratch(c, "scratch", cvy_conv2d_backward_data_nhwc_scratch(s));
    const float *block = nhwc_to_block(c, nhwc_images(count, outputs), dy);
    const float *factors = derivative ? nhwc_to_block(c, nhwc_images(count, inputs), derivative) : NULL;
    oracle_value *values = nhwc_values_for(c, inputs);
    float *twin = nhwc_block_for(c, inputs);
    oracle_conv2d_backward_data(s, block, weights, factors, step == CHECK_INTEGER, values);
    rows.conv2d_backward_data_hwc16n[CVY_TIER_scalar](s, block, weights, factors, twin);
    const oracle_value *expected = nhwc_values_from_block(c, nhwc_images(count, inputs), values);
    const float *same = nhwc_from_block(c, nhwc_images(count, inputs), twin);
    /* Strides beyond the kernel leave inputs that no output looks at. */
    const bool gaps = s->stride_y > s->kernel_height || s->stride_x > s->kernel_width;
    CHECK_EACH_TIER(c) {
        rows.conv2d_backward_data_nhwc[c->tier](s, count, dy, weights, derivative, dx, scratch);
        check_values(c, "dx", dx, expected, conv2d_inputs_of(s, count), gaps ? 0.05 : 0.4);
        check_floats(c, "dx in HWC16N", dx, same, conv2d_inputs_of(s, count));
    }
}

static void backward_weights(check *c, size_t i, check_step step, const char *name, const cvy_conv2d_shape *s) {
    const int32_t count = nhwc_count_at(i, step, false);
    const size_t inputs = input_elements(s), outputs = output_elements(s), weights = conv2d_weights(s);
    describe_conv2d(c, i, step, name, s, count, i % 5 == 4 ? ", no bias" : "");
    float *x = check_input_nhwc(c, "x", (size_t)count * inputs);
    float *dy = check_input_nhwc(c, "dy", (size_t)count * outputs);
    check_fill_underflow(i, step, x, (size_t)count * inputs, dy, (size_t)count * outputs);
    float *dweights = check_output(c, "dweights", weights);
    float *dbias = i % 5 == 4 ? NULL : check_output(c, "dbias", (size_t)s->filters);
    const float *block = nhwc_to_block(c, nhwc_images(count, outputs), dy);
    float *images = check_memory(c, inputs * CVY_LANES * sizeof *images);
    memcpy(images, x, (size_t)count * inputs * sizeof *images);
    oracle_value *expected = check_memory(c, weights * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, (size_t)s->filters * sizeof *expected_bias);
    oracle_conv2d_backward_weights(s, images, block, step == CHECK_INTEGER, expected);
    oracle_backward_bias((size_t)(s->output_height * s->output_width), s->filters, block, step == CHECK_INTEGER,
                         expected_bias);
    float *same = check_scratch(c, "same", weights), *same_bias = check_scratch(c, "same", (size_t)s->filters);
    rows.conv2d_backward_weights_hwc16n[CVY_TIER_scalar](s, images, block, same, same_bias);
    same = memcpy(check_memory(c, weights * sizeof *same), same, weights * sizeof *same);
    same_bias =
        memcpy(check_memory(c, (size_t)s->filters * sizeof *same), same_bias, (size_t)s->filters * sizeof *same);
    CHECK_EACH_TIER(c) {
        rows.conv2d_backward_weights_nhwc[c->tier](s, count, x, dy, dweights, dbias);
        check_values(c, "dweights", dweights, expected, weight_axes(s), 0.5);
        check_floats(c, "dweights in HWC16N", dweights, same, weight_axes(s));
        if (dbias) {
            check_values(c, "dbias", dbias, expected_bias, CHECK_AXES((size_t)s->filters), 0);
            check_floats(c, "dbias in HWC16N", dbias, same_bias, CHECK_AXES((size_t)s->filters));
        }
    }
}

typedef void conv2d_test(check *c, size_t i, check_step step, const char *name, const cvy_conv2d_shape *s);

/* More filters and positions than one pass over them takes, and a wide image, of which a band is a few rows. */
static bool large_case_at(size_t i, cvy_conv2d_shape *s) {
    static const cvy_conv2d_shape shapes[] = {
        {{26, 26, 24, 624, 16224}, 5, 5, 1, 1, 7, 22, 22},   {{41, 67, 16, 1072, 43952}, 5, 5, 2, 3, 3, 19, 21},
        {{9, 300, 10, 3000, 27000}, 3, 3, 1, 1, 18, 7, 298}, {{30, 5, 33, 165, 4950}, 4, 5, 3, 1, 5, 9, 1},
        {{12, 12, 32, 384, 4608}, 5, 5, 1, 1, 64, 8, 8},
    };
    if (i >= sizeof shapes / sizeof *shapes)
        return false;
    *s = shapes[i];
    return true;
}

/* One row of 1 to 35 outputs and 1 to 34 filters: what is stored last must not reach beyond the last output. */
static bool row_case_at(size_t i, cvy_conv2d_shape *s) {
    const int32_t columns = 1 + (int32_t)(i % 35), filters = 1 + (int32_t)(i / 35);
    *s = (cvy_conv2d_shape){{1, columns + 1, 2, 2 * columns + 2, 2 * columns + 2}, 1, 2, 1, 1, filters, 1, columns};
    return filters < 35;
}

static void each_conv2d(check *c, conv2d_test *run) {
    conv2d_case cc;
    for (size_t i = 0; conv2d_case_at(c->set, i, &cc); i++) {
        cvy_conv2d_shape s = cc.shape;
        s.input.row = s.input.width * s.input.channels;
        s.input.image = s.input.height * s.input.row;
        for (check_step step = 0; step < CHECK_STEPS; step++)
            if (check_conv2d_step(i, step))
                run(c, i, step, cc.name, &s);
    }
    cvy_conv2d_shape s;
    for (size_t i = 0; c->set > CASES_NAMED && large_case_at(i, &s); i++)
        run(c, i * 2 + 1, CHECK_RANDOM, "large", &s); /* few images: what is large is the shape */
    for (size_t i = 0; c->set > CASES_NAMED && row_case_at(i, &s); i++)
        for (check_step step = CHECK_INTEGER; step <= CHECK_RANDOM; step++) /* against either guard page */
            run(c, i, step, "row", &s);
}

CHECK_TEST(conv2d_forward_nhwc, each_conv2d, forward)
CHECK_TEST(conv2d_backward_data_nhwc, each_conv2d, backward_data)
CHECK_TEST(conv2d_backward_weights_nhwc, each_conv2d, backward_weights)

/* ---- Pooling ---------------------------------------------------------------------------------------------------- */

static void describe_pool(check *c, size_t number, check_step step, const pool_case *pc, int32_t count,
                          const char *more) {
    const cvy_pool_shape *s = &pc->shape;
    check_case(c, number, step, "%s %d images %dx%dx%d, window %dx%d, stride %dx%d, pad (%d, %d), outputs %dx%d%s",
               pc->name ? pc->name : "sweep", count, s->height, s->width, s->channels, s->window_height,
               s->window_width, s->stride_y, s->stride_x, s->pad_top, s->pad_left, s->output_height, s->output_width,
               more);
}

static check_axes pool_outputs_axes(const cvy_pool_shape *s, int32_t count) {
    return CHECK_AXES((size_t)count, (size_t)s->output_height, (size_t)s->output_width, (size_t)s->channels);
}

static check_axes pool_inputs_axes(const cvy_pool_shape *s, int32_t count) {
    return CHECK_AXES((size_t)count, (size_t)s->height, (size_t)s->width, (size_t)s->channels);
}

/* Half of the inputs repeat one of four values, both zeros among them: the argmax must be the first of equals. A third
 * of the cases is negative, so that a border counted as 0 would show. */
static void add_ties(check *c, float *x, size_t count, bool negative) {
    static const float values[] = {-0.0f, 0.0f, 0.5f, -3.0f};
    for (size_t i = 0; i < count; i++) {
        if (check_below(c, 2))
            x[i] = values[check_below(c, 4)];
        if (negative)
            x[i] = -1.0f - fabsf(x[i]);
    }
}

static int32_t *argmax_to_images(check *c, int32_t count, size_t elements, const int32_t *block) {
    int32_t *images = check_memory(c, (size_t)count * elements * sizeof *images);
    for (size_t i = 0; i < elements; i++)
        for (int32_t l = 0; l < count; l++)
            images[(size_t)l * elements + i] = block[i * CVY_LANES + (size_t)l];
    return images;
}

static void max_forward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    const int32_t count = nhwc_count_at(i, step, false);
    const size_t inputs = pool_inputs(s) / CVY_LANES, outputs = pool_outputs_of(s) / CVY_LANES;
    describe_pool(c, i, step, pc, count, i % 4 == 3 ? ", no argmax" : "");
    float *x = check_input_nhwc(c, "x", (size_t)count * inputs);
    if (step != CHECK_RANDOM || i % 2)
        add_ties(c, x, (size_t)count * inputs, i % 3 == 0);
    float *y = check_output_nhwc(c, "y", (size_t)count * outputs);
    int32_t *argmax = i % 4 == 3 ? NULL : check_output_int32_unaligned(c, "argmax", (size_t)count * outputs);
    const float *block = nhwc_to_block(c, nhwc_images(count, inputs), x);
    float *expected = check_memory(c, pool_outputs_of(s) * sizeof *expected), *twin = nhwc_block_for(c, outputs);
    int32_t *expected_argmax = check_memory(c, pool_outputs_of(s) * sizeof *expected_argmax);
    oracle_maxpool_forward(s, block, expected, expected_argmax);
    rows.maxpool_forward_hwc16n[CVY_TIER_scalar](s, block, twin, NULL);
    expected = nhwc_from_block(c, nhwc_images(count, outputs), expected);
    expected_argmax = argmax_to_images(c, count, outputs, expected_argmax);
    const float *same = nhwc_from_block(c, nhwc_images(count, outputs), twin);
    CHECK_EACH_TIER(c) {
        rows.maxpool_forward_nhwc[c->tier](s, count, x, y, argmax);
        check_floats(c, "y", y, expected, pool_outputs_axes(s, count));
        check_floats(c, "y in HWC16N", y, same, pool_outputs_axes(s, count));
        if (argmax)
            check_integers(c, "argmax", argmax, expected_argmax, pool_outputs_axes(s, count));
    }
}

/* The argmax of a block's forward pass on another input. */
static int32_t *some_argmax(check *c, const cvy_pool_shape *s) {
    float *x = check_memory(c, pool_inputs(s) * sizeof *x), *y = check_memory(c, pool_outputs_of(s) * sizeof *y);
    for (size_t i = 0; i < pool_inputs(s); i++)
        x[i] = check_uniform(c);
    int32_t *argmax = (int32_t *)(void *)nhwc_block_for(c, pool_outputs_of(s) / CVY_LANES);
    oracle_maxpool_forward(s, x, y, argmax);
    return argmax;
}

/* Not every input is in a window, and only some of those are an argmax. */
static double share_of_argmax(const cvy_pool_shape *s) {
    const double share = (double)pool_outputs_of(s) / (double)pool_inputs(s);
    return fmin(0.25, share / (4 * s->window_height * s->window_width));
}

static void max_backward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    const int32_t count = nhwc_count_at(i, step, false);
    const size_t inputs = pool_inputs(s) / CVY_LANES, outputs = pool_outputs_of(s) / CVY_LANES;
    describe_pool(c, i, step, pc, count, i % 2 ? ", with derivative" : "");
    const float *dy = check_input_nhwc(c, "dy", (size_t)count * outputs);
    const float *derivative = i % 2 ? check_input_nhwc(c, "derivative", (size_t)count * inputs) : NULL;
    const int32_t *argmax_block = some_argmax(c, s);
    int32_t *argmax = (int32_t *)(void *)check_input_nhwc(c, "argmax", (size_t)count * outputs);
    memcpy(argmax, argmax_to_images(c, count, outputs, argmax_block), (size_t)count * outputs * sizeof *argmax);
    float *dx = check_output_nhwc(c, "dx", (size_t)count * inputs);
    const float *block = nhwc_to_block(c, nhwc_images(count, outputs), dy);
    const float *factors = derivative ? nhwc_to_block(c, nhwc_images(count, inputs), derivative) : NULL;
    oracle_value *values = nhwc_values_for(c, inputs);
    oracle_sum *sums = check_memory(c, pool_inputs(s) * sizeof *sums);
    float *twin = nhwc_block_for(c, inputs);
    oracle_maxpool_backward(s, block, argmax_block, factors, step == CHECK_INTEGER, sums, values);
    rows.maxpool_backward_hwc16n[CVY_TIER_scalar](s, block, argmax_block, factors, twin);
    const oracle_value *expected = nhwc_values_from_block(c, nhwc_images(count, inputs), values);
    const float *same = nhwc_from_block(c, nhwc_images(count, inputs), twin);
    CHECK_EACH_TIER(c) {
        rows.maxpool_backward_nhwc[c->tier](s, count, dy, argmax, derivative, dx);
        check_values(c, "dx", dx, expected, pool_inputs_axes(s, count), share_of_argmax(s));
        check_floats(c, "dx in HWC16N", dx, same, pool_inputs_axes(s, count));
    }
}

static void average_forward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    const int32_t count = nhwc_count_at(i, step, false);
    const nhwc_rows inputs = nhwc_images(count, pool_inputs(s) / CVY_LANES);
    const nhwc_rows outputs = nhwc_images(count, pool_outputs_of(s) / CVY_LANES);
    describe_pool(c, i, step, pc, count, "");
    const float *x = nhwc_input(c, "x", inputs);
    float *y = check_output_nhwc(c, "y", (size_t)count * outputs.elements);
    const float *block = nhwc_to_block(c, inputs, x);
    oracle_value *values = nhwc_values_for(c, outputs.elements);
    float *twin = nhwc_block_for(c, outputs.elements);
    oracle_avgpool_forward(s, block, step == CHECK_INTEGER, values);
    rows.avgpool_forward_hwc16n[CVY_TIER_scalar](s, block, twin);
    const oracle_value *expected = nhwc_values_from_block(c, outputs, values);
    const float *same = nhwc_from_block(c, outputs, twin);
    CHECK_EACH_TIER(c) {
        rows.avgpool_forward_nhwc[c->tier](s, count, x, y);
        check_values(c, "y", y, expected, pool_outputs_axes(s, count), 0.4);
        check_floats(c, "y in HWC16N", y, same, pool_outputs_axes(s, count));
    }
}

static void average_backward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    const int32_t count = nhwc_count_at(i, step, false);
    const nhwc_rows inputs = nhwc_images(count, pool_inputs(s) / CVY_LANES);
    const nhwc_rows outputs = nhwc_images(count, pool_outputs_of(s) / CVY_LANES);
    describe_pool(c, i, step, pc, count, i % 2 ? ", with derivative" : "");
    const float *dy = nhwc_input(c, "dy", outputs);
    const float *derivative = i % 2 ? nhwc_input(c, "derivative", inputs) : NULL;
    float *dx = check_output_nhwc(c, "dx", (size_t)count * inputs.elements);
    const float *block = nhwc_to_block(c, outputs, dy);
    const float *factors = derivative ? nhwc_to_block(c, inputs, derivative) : NULL;
    oracle_value *values = nhwc_values_for(c, inputs.elements);
    oracle_sum *sums = check_memory(c, pool_inputs(s) * sizeof *sums);
    float *twin = nhwc_block_for(c, inputs.elements);
    oracle_avgpool_backward(s, block, factors, step == CHECK_INTEGER, sums, values);
    rows.avgpool_backward_hwc16n[CVY_TIER_scalar](s, block, factors, twin);
    const oracle_value *expected = nhwc_values_from_block(c, inputs, values);
    const float *same = nhwc_from_block(c, inputs, twin);
    CHECK_EACH_TIER(c) {
        rows.avgpool_backward_nhwc[c->tier](s, count, dy, derivative, dx);
        check_values(c, "dx", dx, expected, pool_inputs_axes(s, count), share_of_argmax(s));
        check_floats(c, "dx in HWC16N", dx, same, pool_inputs_axes(s, count));
    }
}

CHECK_TEST(maxpool_forward_nhwc, check_each_pool, max_forward)
CHECK_TEST(maxpool_backward_nhwc, check_each_pool, max_backward)
CHECK_TEST(avgpool_forward_nhwc, check_each_pool, average_forward)
CHECK_TEST(avgpool_backward_nhwc, check_each_pool, average_backward)
