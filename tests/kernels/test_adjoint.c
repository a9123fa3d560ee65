/* A linear operation and its gradients are adjoint:
 *
 *   <g, conv(x, w)> = <backward_data(g, w), x> = <backward_weights(x, g), w>
 *
 * On small integers every sum is exact, so the three must be equal. No oracle is needed, so none can be wrong in the
 * same way as the kernels. The kernels are those of the table that dispatch fills. */
#include <stdio.h>

#include "check.h"
#include "scratch.h"

/* Sums of products of integers: exact in double. */
static double inner(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static cvy_kernels table_of(const check *c) {
    cvy_kernels table;
    cvy_kernels_fill(&table, c->tier);
    return table;
}

static void compare(check *c, const char *what, double forward, double backward) {
    if (forward != backward)
        check_fail(c, "%s: <g, forward> is %.17g, the other %.17g", what, forward, backward);
}

/* x in NHWC. */
static float *to_nhwc(check *c, const cvy_image_shape *s, const float *block) {
    float *images = check_input_raw(c, "images", (nhwc_extent(s) + 15) * sizeof *images, sizeof *images);
    for (int32_t y = 0; y < s->height; y++)
        for (int32_t x = 0; x < s->width * s->channels; x++)
            for (int32_t l = 0; l < CVY_LANES; l++)
                images[l * s->image + y * s->row + x] = block[(y * s->width * s->channels + x) * CVY_LANES + l];
    return images;
}

static void describe(check *c, size_t i, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    check_case(c, i, CHECK_INTEGER, "%dx%dx%d, kernel %dx%d, stride %dx%d, %d filters", s->input.height, s->input.width,
               s->input.channels, s->kernel_height, s->kernel_width, s->stride_y, s->stride_x, s->filters);
}

static void conv2d_identity(check *c, size_t i, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    describe(c, i, cc);
    const float *x = check_input(c, "x", conv2d_inputs(s)), *w = check_input(c, "weights", conv2d_weights(s));
    const float *g = check_input(c, "g", conv2d_outputs(s)), *images = to_nhwc(c, &s->input, x);
    float *y = check_output(c, "y", conv2d_outputs(s)), *dx = check_output(c, "dx", conv2d_inputs(s));
    float *dw = check_output(c, "dweights", conv2d_weights(s));
    CHECK_EACH_TIER(c) {
        const cvy_kernels k = table_of(c);
        k.conv2d_forward_hwc16n(s, x, w, NULL, y);
        k.conv2d_backward_data_hwc16n(s, g, w, NULL, dx);
        k.conv2d_backward_weights_hwc16n(s, images, g, dw, NULL);
        const double forward = inner(g, y, conv2d_outputs(s));
        compare(c, "backward_data", forward, inner(dx, x, conv2d_inputs(s)));
        compare(c, "backward_weights", forward, inner(dw, w, conv2d_weights(s)));
    }
}

void test_conv2d_adjoint(check *c) {
    conv2d_case cc;
    for (size_t i = 0; conv2d_case_at(c->set, i, &cc); i++)
        conv2d_identity(c, i, &cc);
}

/* With the activation linear, the pooled output is the convolution at the argmax. */
static void conv2d_maxpool_identity(check *c, size_t i, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    const size_t pooled = conv2d_pooled(s);
    describe(c, i, cc);
    const float *x = check_input(c, "x", conv2d_inputs(s)), *w = check_input(c, "weights", conv2d_weights(s));
    const float *g = check_input(c, "g", pooled);
    float *y = check_output(c, "y", pooled), *derivative = check_output(c, "derivative", pooled);
    int32_t *argmax = check_output_int32(c, "argmax", pooled);
    float *dx = check_output(c, "dx", conv2d_inputs(s)), *dw = check_output(c, "dweights", conv2d_weights(s));
    float *scratch = check_scratch(c, "scratch", cvy_conv2d_maxpool2x2_scratch(s));
    CHECK_EACH_TIER(c) {
        const cvy_kernels k = table_of(c);
        k.conv2d_maxpool2x2_forward_hwc16n(s, CVY_ACT_LINEAR, x, w, NULL, y, derivative, argmax);
        k.conv2d_maxpool2x2_backward_data_hwc16n(s, g, argmax, w, NULL, dx, scratch);
        k.conv2d_maxpool2x2_backward_weights_hwc16n(s, x, g, argmax, dw, NULL, scratch);
        const double forward = inner(g, y, pooled);
        compare(c, "backward_data", forward, inner(dx, x, conv2d_inputs(s)));
        compare(c, "backward_weights", forward, inner(dw, w, conv2d_weights(s)));
    }
}

void test_conv2d_maxpool2x2_adjoint(check *c) {
    conv2d_case cc;
    for (size_t i = 0; conv2d_case_at(c->set, i, &cc); i++)
        if (cc.shape.output_height >= 2 && cc.shape.output_width >= 2)
            conv2d_maxpool_identity(c, i, &cc);
}

void test_dense_adjoint(check *c) {
    dense_case dc;
    for (size_t i = 0; dense_case_at(c->set, i, &dc); i++) {
        const cvy_dense_shape *s = &dc.shape;
        const size_t inputs = (size_t)s->inputs, units = (size_t)s->units;
        check_case(c, i, CHECK_INTEGER, "%d inputs, %d units", s->inputs, s->units);
        const float *x = check_input(c, "x", inputs * CVY_LANES), *w = check_input(c, "weights", inputs * units);
        const float *g = check_input(c, "g", units * CVY_LANES);
        float *y = check_output(c, "y", units * CVY_LANES), *dx = check_output(c, "dx", inputs * CVY_LANES);
        float *dw = check_output(c, "dweights", inputs * units);
        float *scratch = check_scratch(c, "scratch", (units + 15) / 16 * 16 * CVY_LANES);
        CHECK_EACH_TIER(c) {
            const cvy_kernels k = table_of(c);
            k.dense_forward_hwc16n(s, x, w, NULL, y);
            k.dense_backward_data_hwc16n(s, g, w, NULL, dx);
            k.dense_backward_weights_hwc16n(s, x, g, dw, NULL, scratch);
            const double forward = inner(g, y, units * CVY_LANES);
            compare(c, "backward_data", forward, inner(dx, x, inputs * CVY_LANES));
            compare(c, "backward_weights", forward, inner(dw, w, inputs * units));
        }
    }
}

/* Averages are exact where every window has a power of two of elements. */
static bool averages_are_exact(const cvy_pool_shape *s) {
    const int32_t elements = s->window_height * s->window_width;
    return s->pad_top + s->pad_left == 0 && (elements & (elements - 1)) == 0 &&
           (s->output_height - 1) * s->stride_y + s->window_height <= s->height &&
           (s->output_width - 1) * s->stride_x + s->window_width <= s->width;
}

void test_pool_adjoint(check *c) {
    pool_case pc;
    for (size_t i = 0; pool_case_at(c->set, i, &pc); i++) {
        const cvy_pool_shape *s = &pc.shape;
        check_case(c, i, CHECK_INTEGER, "%dx%dx%d, window %dx%d, stride %dx%d, pad (%d, %d)", s->height, s->width,
                   s->channels, s->window_height, s->window_width, s->stride_y, s->stride_x, s->pad_top, s->pad_left);
        const float *x = check_input(c, "x", pool_inputs(s)), *g = check_input(c, "g", pool_outputs_of(s));
        float *y = check_output(c, "y", pool_outputs_of(s)), *average = check_output(c, "average", pool_outputs_of(s));
        int32_t *argmax = check_output_int32(c, "argmax", pool_outputs_of(s));
        float *dx = check_output(c, "dx", pool_inputs(s)), *daverage = check_output(c, "daverage", pool_inputs(s));
        CHECK_EACH_TIER(c) {
            const cvy_kernels k = table_of(c);
            k.maxpool_forward_hwc16n(s, x, y, argmax);
            k.maxpool_backward_hwc16n(s, g, argmax, NULL, dx);
            k.avgpool_forward_hwc16n(s, x, average);
            k.avgpool_backward_hwc16n(s, g, NULL, daverage);
            compare(c, "maxpool_backward", inner(g, y, pool_outputs_of(s)), inner(dx, x, pool_inputs(s)));
            if (averages_are_exact(s))
                compare(c, "avgpool_backward", inner(g, average, pool_outputs_of(s)),
                        inner(daverage, x, pool_inputs(s)));
        }
    }
}

void test_pad_adjoint(check *c) {
    image_case ic;
    for (size_t i = 0; image_case_at(c->set, i, &ic); i++) {
        const cvy_image_shape *s = &ic.shape;
        const size_t padded = (size_t)(ic.padded_height * ic.padded_width * s->channels * CVY_LANES);
        check_case(c, i, CHECK_INTEGER, "%dx%dx%d at (%d, %d) of %dx%d", s->height, s->width, s->channels, ic.top,
                   ic.left, ic.padded_height, ic.padded_width);
        const float *x = check_input(c, "x", image_elements(s)), *g = check_input(c, "g", padded);
        float *y = check_output(c, "y", padded), *dx = check_output(c, "dx", image_elements(s));
        CHECK_EACH_TIER(c) {
            const cvy_kernels k = table_of(c);
            k.pad_hwc16n(s, ic.top, ic.left, ic.padded_height, ic.padded_width, x, y);
            k.crop_hwc16n(s, ic.top, ic.left, ic.padded_height, ic.padded_width, g, NULL, dx);
            compare(c, "crop", inner(g, y, padded), inner(dx, x, image_elements(s)));
        }
    }
}

/* ---- Lanes beyond the batch ---- */

/* Lanes from `count` on: zero gradient. */
static float *gradient_of(check *c, size_t elements, int32_t count) {
    float *dy = check_input(c, "dy", elements);
    for (size_t i = 0; i < elements; i++)
        if ((int32_t)(i % CVY_LANES) >= count)
            dy[i] = 0.0f;
    return dy;
}

/* The oracle sees lanes beyond as zeros; the kernel finds the leavings of an earlier batch there, which the zero
 * gradient must silence: the bits are those of a sum over the lanes within. */
static void conv2d_lanes_beyond(check *c, size_t i, const cvy_conv2d_shape *s, int32_t count) {
    check_case(c, i, CHECK_RANDOM, "conv2d_backward_weights, count %d", count);
    const float *images = check_input_nhwc(c, "images", nhwc_extent(&s->input));
    const float *dy = gradient_of(c, conv2d_outputs(s), count);
    float *dweights = check_output(c, "dweights", conv2d_weights(s));
    float *clean = check_memory(c, nhwc_extent(&s->input) * sizeof *clean);
    for (size_t k = 0; k < nhwc_extent(&s->input) && (int32_t)k < count * s->input.image; k++)
        clean[k] = images[k];
    oracle_value *expected = check_memory(c, conv2d_weights(s) * sizeof *expected);
    oracle_conv2d_backward_weights(s, clean, dy, false, expected);
    CHECK_EACH_TIER(c) {
        const cvy_kernels k = table_of(c);
        k.conv2d_backward_weights_hwc16n(s, images, dy, dweights, NULL);
        check_values(c, "dweights", dweights, expected, CHECK_AXES(conv2d_weights(s)), 0.5);
    }
}

static void dense_lanes_beyond(check *c, size_t i, const cvy_dense_shape *s, int32_t count) {
    const size_t inputs = (size_t)s->inputs, units = (size_t)s->units;
    check_case(c, i, CHECK_RANDOM, "dense_backward_weights, count %d", count);
    const float *x = check_input(c, "x", inputs * CVY_LANES), *dy = gradient_of(c, units * CVY_LANES, count);
    float *dweights = check_output(c, "dweights", inputs * units), *dbias = check_output(c, "dbias", units);
    float *scratch = check_scratch(c, "scratch", (units + 15) / 16 * 16 * CVY_LANES);
    float *clean = check_memory(c, inputs * CVY_LANES * sizeof *clean);
    for (size_t k = 0; k < inputs * CVY_LANES; k++)
        clean[k] = (int32_t)(k % CVY_LANES) < count ? x[k] : 0.0f;
    oracle_value *expected = check_memory(c, inputs * units * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, units * sizeof *expected_bias);
    oracle_dense_backward_weights(s, clean, dy, false, expected, expected_bias);
    CHECK_EACH_TIER(c) {
        const cvy_kernels k = table_of(c);
        k.dense_backward_weights_hwc16n(s, x, dy, dweights, dbias, scratch);
        check_values(c, "dweights", dweights, expected, CHECK_AXES(inputs, units), 0.5);
        check_values(c, "dbias", dbias, expected_bias, CHECK_AXES(units), 0.5);
    }
}

void test_lanes_beyond(check *c) {
    conv2d_case conv2;
    conv2d_case_at(CASES_NAMED, 1, &conv2);
    for (int32_t count = 1; count < CVY_LANES; count++) {
        conv2d_lanes_beyond(c, (size_t)count, &conv2.shape, count);
        dense_lanes_beyond(c, 100 + (size_t)count, &(cvy_dense_shape){84, 10, 84, 10}, count);
    }
}
