/* Operations in NHWC. What is expected comes from HWC16N, as their contract says: the inputs are turned to a block, the
 * results of the oracle and of the scalar HWC16N kernel are turned back, and the bits of both must come out. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "scratch.h"

/* ---- Images and blocks ------------------------------------------------------------------------------------------ */

/* How many images: all there can be, one, and every tail. Weight gradients of fewer than 16 differ from HWC16N's where
 * an underflow has left -0, to which HWC16N adds the zeros of the other lanes: so the special step has 16. */
static int32_t count_at(size_t i, check_step step, bool sums_images) {
    static const int32_t counts[] = {16, 1, 2, 3, 16, 4, 5, 8, 9, 12, 15, 7, 1};
    return step == CHECK_SPECIAL && sums_images ? 16 : counts[i % (sizeof counts / sizeof *counts)];
}

/* [elements][16] from [count][elements]; +0 in the lanes beyond. For use before the tiers run. */
static float *to_block(check *c, int32_t count, size_t elements, const float *images) {
    float *block = check_scratch(c, "block", elements * CVY_LANES);
    for (size_t i = 0; i < elements; i++)
        for (int32_t l = 0; l < CVY_LANES; l++)
            block[i * CVY_LANES + (size_t)l] = l < count ? images[(size_t)l * elements + i] : 0;
    return block;
}

/* Room for the results of a HWC16N kernel. For use before the tiers run. */
static float *block_for(check *c, size_t elements) {
    return check_scratch(c, "block", elements * CVY_LANES);
}

static float *to_images(check *c, int32_t count, size_t elements, const float *block) {
    float *images = check_memory(c, (size_t)count * elements * sizeof *images);
    for (size_t i = 0; i < elements; i++)
        for (int32_t l = 0; l < count; l++)
            images[(size_t)l * elements + i] = block[i * CVY_LANES + (size_t)l];
    return images;
}

static oracle_value *values_to_images(check *c, int32_t count, size_t elements, const oracle_value *block) {
    oracle_value *images = check_memory(c, (size_t)count * elements * sizeof *images);
    for (size_t i = 0; i < elements; i++)
        for (int32_t l = 0; l < count; l++)
            images[(size_t)l * elements + i] = block[i * CVY_LANES + (size_t)l];
    return images;
}

static oracle_value *values_for(check *c, size_t elements) {
    return check_memory(c, elements * CVY_LANES * sizeof(oracle_value));
}

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
    const int32_t count = count_at(i, step, false);
    const size_t inputs = input_elements(s), outputs = output_elements(s);
    describe_conv2d(c, i, step, name, s, count, i % 5 == 4 ? ", no bias" : "");
    const float *x = check_input_nhwc(c, "x", (size_t)count * inputs);
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const float *bias = i % 5 == 4 ? NULL : check_input(c, "bias", (size_t)s->filters);
    float *y = check_output_nhwc(c, "y", (size_t)count * outputs);
    float *scratch = check_scratch(c, "scratch", cvy_conv2d_forward_nhwc_scratch(s));
    const float *block = to_block(c, count, inputs, x);
    oracle_value *values = values_for(c, outputs);
    float *twin = block_for(c, outputs);
    oracle_conv2d_forward(s, block, weights, bias, step == CHECK_INTEGER, values);
    rows.conv2d_forward_hwc16n[CVY_TIER_scalar](s, block, weights, bias, twin);
    const oracle_value *expected = values_to_images(c, count, outputs, values);
    const float *same = to_images(c, count, outputs, twin);
    CHECK_EACH_TIER(c) {
        rows.conv2d_forward_nhwc[c->tier](s, count, x, weights, bias, y, scratch);
        check_values(c, "y", y, expected, conv2d_outputs_of(s, count), 0.5);
        check_floats(c, "y in HWC16N", y, same, conv2d_outputs_of(s, count));
    }
}

static void backward_data(check *c, size_t i, check_step step, const char *name, const cvy_conv2d_shape *s) {
    const int32_t count = count_at(i, step, false);
    const size_t inputs = input_elements(s), outputs = output_elements(s);
    describe_conv2d(c, i, step, name, s, count, i % 3 == 0 ? "" : ", with derivative");
    const float *dy = check_input_nhwc(c, "dy", (size_t)count * outputs);
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const float *derivative = i % 3 == 0 ? NULL : check_input_nhwc(c, "derivative", (size_t)count * inputs);
    float *dx = check_output_nhwc(c, "dx", (size_t)count * inputs);
    float *scratch = check_scratch(c, "scratch", cvy_conv2d_backward_data_nhwc_scratch(s));
    const float *block = to_block(c, count, outputs, dy);
    const float *factors = derivative ? to_block(c, count, inputs, derivative) : NULL;
    oracle_value *values = values_for(c, inputs);
    float *twin = block_for(c, inputs);
    oracle_conv2d_backward_data(s, block, weights, factors, step == CHECK_INTEGER, values);
    rows.conv2d_backward_data_hwc16n[CVY_TIER_scalar](s, block, weights, factors, twin);
    const oracle_value *expected = values_to_images(c, count, inputs, values);
    const float *same = to_images(c, count, inputs, twin);
    /* Strides beyond the kernel leave inputs that no output looks at. */
    const bool gaps = s->stride_y > s->kernel_height || s->stride_x > s->kernel_width;
    CHECK_EACH_TIER(c) {
        rows.conv2d_backward_data_nhwc[c->tier](s, count, dy, weights, derivative, dx, scratch);
        check_values(c, "dx", dx, expected, conv2d_inputs_of(s, count), gaps ? 0.05 : 0.4);
        check_floats(c, "dx in HWC16N", dx, same, conv2d_inputs_of(s, count));
    }
}

static void backward_weights(check *c, size_t i, check_step step, const char *name, const cvy_conv2d_shape *s) {
    const int32_t count = count_at(i, step, true);
    const size_t inputs = input_elements(s), outputs = output_elements(s), weights = conv2d_weights(s);
    describe_conv2d(c, i, step, name, s, count, i % 5 == 4 ? ", no bias" : "");
    const float *x = check_input_nhwc(c, "x", (size_t)count * inputs);
    const float *dy = check_input_nhwc(c, "dy", (size_t)count * outputs);
    float *dweights = check_output(c, "dweights", weights);
    float *dbias = i % 5 == 4 ? NULL : check_output(c, "dbias", (size_t)s->filters);
    const float *block = to_block(c, count, outputs, dy);
    float *images = check_memory(c, inputs * CVY_LANES * sizeof *images);
    memcpy(images, x, (size_t)count * inputs * sizeof *images);
    oracle_value *expected = check_memory(c, weights * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, (size_t)s->filters * sizeof *expected_bias);
    oracle_conv2d_backward_weights(s, images, block, NULL, step == CHECK_INTEGER, expected);
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

/* The special step on every fourth shape: its paths are those of the others. */
static bool wanted(size_t i, check_step step) {
    return step != CHECK_SPECIAL || i % 4 == 0;
}

static void each_conv2d(check *c, conv2d_test *run) {
    conv2d_case cc;
    for (size_t i = 0; conv2d_case_at(c->set, i, &cc); i++) {
        cvy_conv2d_shape s = cc.shape;
        s.input.row = s.input.width * s.input.channels;
        s.input.image = s.input.height * s.input.row;
        for (check_step step = 0; step < CHECK_STEPS; step++)
            if (wanted(i, step))
                run(c, i, step, cc.name, &s);
    }
    cvy_conv2d_shape s;
    for (size_t i = 0; large_case_at(i, &s); i++)
        run(c, i * 2 + 1, CHECK_RANDOM, "large", &s); /* few images: what is large is the shape */
    for (size_t i = 0; row_case_at(i, &s); i++)
        for (check_step step = CHECK_INTEGER; step <= CHECK_RANDOM; step++) /* against either guard page */
            run(c, i, step, "row", &s);
}

void test_conv2d_forward_nhwc(check *c) {
    each_conv2d(c, forward);
}

void test_conv2d_backward_data_nhwc(check *c) {
    each_conv2d(c, backward_data);
}

void test_conv2d_backward_weights_nhwc(check *c) {
    each_conv2d(c, backward_weights);
}

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

/* Half of the inputs repeat one of four values, both zeros among them: the winner must be the first of equals. A third
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

static int32_t *winners_to_images(check *c, int32_t count, size_t elements, const int32_t *block) {
    int32_t *images = check_memory(c, (size_t)count * elements * sizeof *images);
    for (size_t i = 0; i < elements; i++)
        for (int32_t l = 0; l < count; l++)
            images[(size_t)l * elements + i] = block[i * CVY_LANES + (size_t)l];
    return images;
}

static void max_forward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    const int32_t count = count_at(i, step, false);
    const size_t inputs = pool_inputs(s) / CVY_LANES, outputs = pool_outputs_of(s) / CVY_LANES;
    describe_pool(c, i, step, pc, count, i % 4 == 3 ? ", no winners" : "");
    float *x = check_input_nhwc(c, "x", (size_t)count * inputs);
    if (step != CHECK_RANDOM || i % 2)
        add_ties(c, x, (size_t)count * inputs, i % 3 == 0);
    float *y = check_output_nhwc(c, "y", (size_t)count * outputs);
    int32_t *winner = i % 4 == 3 ? NULL : check_output_int32(c, "winner", (size_t)count * outputs);
    const float *block = to_block(c, count, inputs, x);
    float *expected = check_memory(c, pool_outputs_of(s) * sizeof *expected), *twin = block_for(c, outputs);
    int32_t *expected_winner = check_memory(c, pool_outputs_of(s) * sizeof *expected_winner);
    oracle_maxpool_forward(s, block, expected, expected_winner);
    rows.maxpool_forward_hwc16n[CVY_TIER_scalar](s, block, twin, NULL);
    expected = to_images(c, count, outputs, expected);
    expected_winner = winners_to_images(c, count, outputs, expected_winner);
    const float *same = to_images(c, count, outputs, twin);
    CHECK_EACH_TIER(c) {
        rows.maxpool_forward_nhwc[c->tier](s, count, x, y, winner);
        check_floats(c, "y", y, expected, pool_outputs_axes(s, count));
        check_floats(c, "y in HWC16N", y, same, pool_outputs_axes(s, count));
        if (winner)
            check_integers(c, "winner", winner, expected_winner, pool_outputs_axes(s, count));
    }
}

/* Winners of a block as a forward pass leaves them, of an input of its own. */
static int32_t *some_winners(check *c, const cvy_pool_shape *s) {
    float *x = check_memory(c, pool_inputs(s) * sizeof *x), *y = check_memory(c, pool_outputs_of(s) * sizeof *y);
    for (size_t i = 0; i < pool_inputs(s); i++)
        x[i] = check_uniform(c);
    int32_t *winner = (int32_t *)(void *)block_for(c, pool_outputs_of(s) / CVY_LANES);
    oracle_maxpool_forward(s, x, y, winner);
    return winner;
}

/* Not every input is in a window, and of those in one only some win. */
static double share_of_winners(const cvy_pool_shape *s) {
    const double share = (double)pool_outputs_of(s) / (double)pool_inputs(s);
    return fmin(0.25, share / (4 * s->window_height * s->window_width));
}

static void max_backward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    const int32_t count = count_at(i, step, false);
    const size_t inputs = pool_inputs(s) / CVY_LANES, outputs = pool_outputs_of(s) / CVY_LANES;
    describe_pool(c, i, step, pc, count, i % 2 ? ", with derivative" : "");
    const float *dy = check_input_nhwc(c, "dy", (size_t)count * outputs);
    const float *derivative = i % 2 ? check_input_nhwc(c, "derivative", (size_t)count * inputs) : NULL;
    const int32_t *winner_block = some_winners(c, s);
    int32_t *winner = (int32_t *)(void *)check_input_nhwc(c, "winner", (size_t)count * outputs);
    memcpy(winner, winners_to_images(c, count, outputs, winner_block), (size_t)count * outputs * sizeof *winner);
    float *dx = check_output_nhwc(c, "dx", (size_t)count * inputs);
    const float *block = to_block(c, count, outputs, dy);
    const float *factors = derivative ? to_block(c, count, inputs, derivative) : NULL;
    oracle_value *values = values_for(c, inputs);
    oracle_sum *sums = check_memory(c, pool_inputs(s) * sizeof *sums);
    float *twin = block_for(c, inputs);
    oracle_maxpool_backward(s, block, winner_block, factors, step == CHECK_INTEGER, sums, values);
    rows.maxpool_backward_hwc16n[CVY_TIER_scalar](s, block, winner_block, factors, twin);
    const oracle_value *expected = values_to_images(c, count, inputs, values);
    const float *same = to_images(c, count, inputs, twin);
    CHECK_EACH_TIER(c) {
        rows.maxpool_backward_nhwc[c->tier](s, count, dy, winner, derivative, dx);
        check_values(c, "dx", dx, expected, pool_inputs_axes(s, count), share_of_winners(s));
        check_floats(c, "dx in HWC16N", dx, same, pool_inputs_axes(s, count));
    }
}

static void each_pool(check *c, void (*run)(check *c, size_t i, check_step step, const pool_case *pc)) {
    pool_case pc;
    for (size_t i = 0; pool_case_at(c->set, i, &pc); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++)
            run(c, i, step, &pc);
}

void test_maxpool_forward_nhwc(check *c) {
    each_pool(c, max_forward);
}

void test_maxpool_backward_nhwc(check *c) {
    each_pool(c, max_backward);
}

/* ---- Dense ------------------------------------------------------------------------------------------------------ */

static void describe_dense(check *c, size_t number, check_step step, const dense_case *dc, int32_t count,
                           const char *more) {
    check_case(c, number, step, "%s %d images, %d inputs, %d units%s", dc->name ? dc->name : "sweep", count,
               dc->shape.inputs, dc->shape.units, more);
}

static void dense_forward(check *c, size_t i, check_step step, const dense_case *dc) {
    const cvy_dense_shape *s = &dc->shape;
    const int32_t count = count_at(i, step, false);
    const size_t inputs = (size_t)s->inputs, units = (size_t)s->units;
    describe_dense(c, i, step, dc, count, i % 5 == 4 ? ", no bias" : "");
    const float *x = check_input_nhwc(c, "x", (size_t)count * inputs);
    const float *weights = check_input(c, "weights", inputs * units);
    const float *bias = i % 5 == 4 ? NULL : check_input(c, "bias", units);
    float *y = check_output_nhwc(c, "y", (size_t)count * units);
    const float *block = to_block(c, count, inputs, x);
    oracle_value *values = values_for(c, units);
    float *twin = block_for(c, units);
    oracle_dense_forward(s, block, weights, bias, step == CHECK_INTEGER, values);
    rows.dense_forward_hwc16n[CVY_TIER_scalar](s, block, weights, bias, twin);
    const oracle_value *expected = values_to_images(c, count, units, values);
    const float *same = to_images(c, count, units, twin);
    CHECK_EACH_TIER(c) {
        rows.dense_forward_nhwc[c->tier](s, count, x, weights, bias, y);
        check_values(c, "y", y, expected, CHECK_AXES((size_t)count, units), 0.4);
        check_floats(c, "y in HWC16N", y, same, CHECK_AXES((size_t)count, units));
    }
}

static void dense_backward_data(check *c, size_t i, check_step step, const dense_case *dc) {
    const cvy_dense_shape *s = &dc->shape;
    const int32_t count = count_at(i, step, false);
    const size_t inputs = (size_t)s->inputs, units = (size_t)s->units;
    describe_dense(c, i, step, dc, count, i % 3 == 0 ? "" : ", with derivative");
    const float *dy = check_input_nhwc(c, "dy", (size_t)count * units);
    const float *weights = check_input(c, "weights", inputs * units);
    const float *derivative = i % 3 == 0 ? NULL : check_input_nhwc(c, "derivative", (size_t)count * inputs);
    float *dx = check_output_nhwc(c, "dx", (size_t)count * inputs);
    float *scratch = check_scratch(c, "scratch", cvy_dense_backward_data_nhwc_scratch(s));
    const float *block = to_block(c, count, units, dy);
    const float *factors = derivative ? to_block(c, count, inputs, derivative) : NULL;
    oracle_value *values = values_for(c, inputs);
    float *twin = block_for(c, inputs);
    oracle_dense_backward_data(s, block, weights, factors, step == CHECK_INTEGER, values);
    rows.dense_backward_data_hwc16n[CVY_TIER_scalar](s, block, weights, factors, twin);
    const oracle_value *expected = values_to_images(c, count, inputs, values);
    const float *same = to_images(c, count, inputs, twin);
    CHECK_EACH_TIER(c) {
        rows.dense_backward_data_nhwc[c->tier](s, count, dy, weights, derivative, dx, scratch);
        check_values(c, "dx", dx, expected, CHECK_AXES((size_t)count, inputs), 0.4);
        check_floats(c, "dx in HWC16N", dx, same, CHECK_AXES((size_t)count, inputs));
    }
}

static void dense_backward_weights(check *c, size_t i, check_step step, const dense_case *dc) {
    const cvy_dense_shape *s = &dc->shape;
    const int32_t count = count_at(i, step, true);
    const size_t inputs = (size_t)s->inputs, units = (size_t)s->units;
    describe_dense(c, i, step, dc, count, i % 5 == 4 ? ", no bias" : "");
    const float *x = check_input_nhwc(c, "x", (size_t)count * inputs);
    const float *dy = check_input_nhwc(c, "dy", (size_t)count * units);
    float *dweights = check_output(c, "dweights", inputs * units);
    float *dbias = i % 5 == 4 ? NULL : check_output(c, "dbias", units);
    const float *x_block = to_block(c, count, inputs, x), *dy_block = to_block(c, count, units, dy);
    oracle_value *expected = check_memory(c, inputs * units * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, units * sizeof *expected_bias);
    oracle_dense_backward_weights(s, x_block, dy_block, step == CHECK_INTEGER, expected, expected_bias);
    float *twin = check_scratch(c, "same", inputs * units);
    float *scratch = check_scratch(c, "scratch", cvy_round_to_lanes(units) * CVY_LANES);
    rows.dense_backward_weights_hwc16n[CVY_TIER_scalar](s, x_block, dy_block, twin, NULL, scratch);
    const float *same = memcpy(check_memory(c, inputs * units * sizeof *same), twin, inputs * units * sizeof *same);
    CHECK_EACH_TIER(c) {
        rows.dense_backward_weights_nhwc[c->tier](s, count, x, dy, dweights, dbias);
        check_values(c, "dweights", dweights, expected, CHECK_AXES(inputs, units), 0.2);
        check_floats(c, "dweights in HWC16N", dweights, same, CHECK_AXES(inputs, units));
        if (dbias)
            check_values(c, "dbias", dbias, expected_bias, CHECK_AXES(units), 0);
    }
}

static void each_dense(check *c, void (*run)(check *c, size_t i, check_step step, const dense_case *dc)) {
    dense_case dc;
    for (size_t i = 0; dense_case_at(c->set, i, &dc); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++)
            run(c, i, step, &dc);
}

void test_dense_forward_nhwc(check *c) {
    each_dense(c, dense_forward);
}

void test_dense_backward_data_nhwc(check *c) {
    each_dense(c, dense_backward_data);
}

void test_dense_backward_weights_nhwc(check *c) {
    each_dense(c, dense_backward_weights);
}

/* ---- Softmax ---------------------------------------------------------------------------------------------------- */

/* Logits from those of a network that has learnt nothing to those of one that is sure: exp underflows. A row is turned
 * to lane 0 of a block of its own. */
static void softmax(check *c, size_t i, check_step step, int32_t row_count, int32_t channels) {
    static const float amplitudes[] = {0.1f, 3.0f, 20.0f, 100.0f};
    const size_t count = (size_t)row_count * (size_t)channels, row = (size_t)channels * CVY_LANES;
    const bool in_place = i % 2;
    check_case(c, i, step, "%d rows, %d channels%s", row_count, channels, in_place ? ", in place" : "");
    float *contents = check_memory(c, count * sizeof *contents);
    check_fill(c, contents, count, amplitudes[i % 4]);
    float *y = in_place ? check_inout_unaligned(c, "y", count, contents) : check_output_nhwc(c, "y", count);
    float *x = in_place ? y : check_input_nhwc(c, "x", count);
    if (!in_place)
        memcpy(x, contents, count * sizeof *x);
    oracle_value *expected = check_memory(c, count * sizeof *expected), *values = check_memory(c, row * sizeof *values);
    float *same = check_memory(c, count * sizeof *same);
    for (int32_t r = 0; r < row_count; r++) {
        const float *block = to_block(c, 1, (size_t)channels, contents + r * channels);
        float *twin = block_for(c, (size_t)channels);
        oracle_softmax(channels, block, values);
        rows.softmax_forward_hwc16n[CVY_TIER_scalar](1, channels, block, twin);
        for (int32_t k = 0; k < channels; k++) {
            expected[r * channels + k] = values[k * CVY_LANES];
            same[r * channels + k] = twin[k * CVY_LANES];
        }
    }
    const check_axes axes = CHECK_AXES((size_t)row_count, (size_t)channels);
    CHECK_EACH_TIER(c) {
        rows.softmax_forward_nhwc[c->tier](row_count, channels, x, y);
        /* Logits 100 apart leave little but zeros beside the maximum. */
        check_values(c, "y", y, expected, axes, amplitudes[i % 4] < 50 ? 0.5 : 0);
        check_floats(c, "y in HWC16N", y, same, axes);
    }
}

void test_softmax_forward_nhwc(check *c) {
    const size_t repeats = c->set == CASES_LONG ? 20 : 4;
    for (size_t i = 0; i < 140 * repeats; i++)
        for (check_step step = CHECK_RANDOM; step < CHECK_STEPS; step++)
            softmax(c, i, step, 1 + (int32_t)(i / 140 + i % 3) % 6, 1 + (int32_t)(i % 140));
}
