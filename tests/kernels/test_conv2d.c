/* Convolution of a block: forward, and both gradients. */
#include "check.h"

static void describe(check *c, size_t number, check_step step, const conv2d_case *cc, const char *more) {
    const cvy_conv2d_shape *s = &cc->shape;
    check_case(c, number, step, "%s %dx%dx%d (row %d, image %d), kernel %dx%d, stride %dx%d, %d filters%s",
               cc->name ? cc->name : "sweep", s->input.height, s->input.width, s->input.channels, s->input.row,
               s->input.image, s->kernel_height, s->kernel_width, s->stride_y, s->stride_x, s->filters, more);
}

static check_axes output_axes(const cvy_conv2d_shape *s) {
    return CHECK_AXES((size_t)s->output_height, (size_t)s->output_width, (size_t)s->filters, CVY_LANES);
}

static check_axes input_axes(const cvy_conv2d_shape *s) {
    return CHECK_AXES((size_t)s->input.height, (size_t)s->input.width, (size_t)s->input.channels, CVY_LANES);
}

static check_axes weight_axes(const cvy_conv2d_shape *s) {
    return CHECK_AXES((size_t)s->kernel_height, (size_t)s->kernel_width, (size_t)s->input.channels, (size_t)s->filters);
}

static void forward(check *c, size_t i, check_step step, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    describe(c, i, step, cc, i % 5 == 4 ? ", no bias" : "");
    const float *x = check_input(c, "x", conv2d_inputs(s));
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const float *bias = i % 5 == 4 ? NULL : check_input(c, "bias", (size_t)s->filters);
    float *y = check_output(c, "y", conv2d_outputs(s));
    oracle_value *expected = check_memory(c, conv2d_outputs(s) * sizeof *expected);
    oracle_conv2d_forward(s, x, weights, bias, step == CHECK_INTEGER, expected);
    CHECK_EACH_TIER(c) {
        rows.conv2d_forward_hwc16n[c->tier](s, x, weights, bias, y);
        check_values(c, "y", y, expected, output_axes(s), 0.5);
    }
}

static void backward_data(check *c, size_t i, check_step step, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    describe(c, i, step, cc, i % 3 == 0 ? "" : ", with derivative");
    const float *dy = check_input(c, "dy", conv2d_outputs(s));
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const float *derivative = i % 3 == 0 ? NULL : check_input(c, "derivative", conv2d_inputs(s));
    float *dx = check_output(c, "dx", conv2d_inputs(s));
    oracle_value *expected = check_memory(c, conv2d_inputs(s) * sizeof *expected);
    oracle_conv2d_backward_data(s, dy, weights, derivative, step == CHECK_INTEGER, expected);
    /* Strides beyond the kernel leave inputs that no output looks at. */
    const bool gaps = s->stride_y > s->kernel_height || s->stride_x > s->kernel_width;
    CHECK_EACH_TIER(c) {
        rows.conv2d_backward_data_hwc16n[c->tier](s, dy, weights, derivative, dx);
        check_values(c, "dx", dx, expected, input_axes(s), gaps ? 0.05 : 0.4);
    }
}

static void backward_weights(check *c, size_t i, check_step step, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    describe(c, i, step, cc, i % 5 == 4 ? ", no bias" : "");
    float *images = check_input_nhwc(c, "images", nhwc_extent(&s->input));
    float *dy = check_input(c, "dy", conv2d_outputs(s));
    check_fill_underflow(i, step, images, nhwc_extent(&s->input), dy, conv2d_outputs(s));
    float *dweights = check_output(c, "dweights", conv2d_weights(s));
    float *dbias = i % 5 == 4 ? NULL : check_output(c, "dbias", (size_t)s->filters);
    oracle_value *expected = check_memory(c, conv2d_weights(s) * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, (size_t)s->filters * sizeof *expected_bias);
    oracle_conv2d_backward_weights(s, images, dy, step == CHECK_INTEGER, expected);
    oracle_backward_bias((size_t)(s->output_height * s->output_width), s->filters, dy, step == CHECK_INTEGER,
                         expected_bias);
    CHECK_EACH_TIER(c) {
        rows.conv2d_backward_weights_hwc16n[c->tier](s, images, dy, dweights, dbias);
        check_values(c, "dweights", dweights, expected, weight_axes(s), 0.5);
        if (dbias)
            check_values(c, "dbias", dbias, expected_bias, CHECK_AXES((size_t)s->filters), 0);
    }
}

CHECK_TEST(conv2d_forward_hwc16n, check_each_conv2d, forward)
CHECK_TEST(conv2d_backward_data_hwc16n, check_each_conv2d, backward_data)
CHECK_TEST(conv2d_backward_weights_hwc16n, check_each_conv2d, backward_weights)
