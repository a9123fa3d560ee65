/* Pooling of a block. Half of the inputs of the maximum repeat one of four values, so that ties are everywhere and the
 * argmax must be the first of equals. */
#include <math.h>

#include "check.h"

static void describe(check *c, size_t number, check_step step, const pool_case *pc, const char *more) {
    const cvy_pool_shape *s = &pc->shape;
    check_case(c, number, step, "%s %dx%dx%d, window %dx%d, stride %dx%d, pad (%d, %d), outputs %dx%d%s",
               pc->name ? pc->name : "sweep", s->height, s->width, s->channels, s->window_height, s->window_width,
               s->stride_y, s->stride_x, s->pad_top, s->pad_left, s->output_height, s->output_width, more);
}

static check_axes output_axes(const cvy_pool_shape *s) {
    return CHECK_AXES((size_t)s->output_height, (size_t)s->output_width, (size_t)s->channels, CVY_LANES);
}

static check_axes input_axes(const cvy_pool_shape *s) {
    return CHECK_AXES((size_t)s->height, (size_t)s->width, (size_t)s->channels, CVY_LANES);
}

/* Both zeros, which are equal; and both sides of zero, so that a border counted as 0 would show. */
static void add_ties(check *c, float *x, size_t count, bool negative) {
    static const float values[] = {-0.0f, 0.0f, 0.5f, -3.0f};
    for (size_t i = 0; i < count; i++) {
        if (check_below(c, 2))
            x[i] = values[check_below(c, 4)];
        if (negative)
            x[i] = -1.0f - fabsf(x[i]);
    }
}

static void max_forward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    describe(c, i, step, pc, i % 4 == 3 ? ", no argmax" : "");
    float *contents = check_memory(c, pool_inputs(s) * sizeof *contents);
    check_fill(c, contents, pool_inputs(s), 1);
    if (step != CHECK_RANDOM || i % 2)
        add_ties(c, contents, pool_inputs(s), i % 3 == 0);
    float *x = check_input_raw(c, "x", pool_inputs(s) * sizeof *x, 64);
    for (size_t k = 0; k < pool_inputs(s); k++)
        x[k] = contents[k];
    float *y = check_output(c, "y", pool_outputs_of(s));
    int32_t *argmax = i % 4 == 3 ? NULL : check_output_int32(c, "argmax", pool_outputs_of(s));
    float *expected = check_memory(c, pool_outputs_of(s) * sizeof *expected);
    int32_t *expected_argmax = check_memory(c, pool_outputs_of(s) * sizeof *expected_argmax);
    oracle_maxpool_forward(s, x, expected, expected_argmax);
    CHECK_EACH_TIER(c) {
        rows.maxpool_forward_hwc16n[c->tier](s, x, y, argmax);
        check_floats(c, "y", y, expected, output_axes(s));
        if (argmax)
            check_integers(c, "argmax", argmax, expected_argmax, output_axes(s));
    }
}

/* The argmax of a forward pass on another input. */
static int32_t *some_argmax(check *c, const cvy_pool_shape *s) {
    float *x = check_memory(c, pool_inputs(s) * sizeof *x), *y = check_memory(c, pool_outputs_of(s) * sizeof *y);
    for (size_t i = 0; i < pool_inputs(s); i++)
        x[i] = check_uniform(c);
    int32_t *argmax = check_input_raw(c, "argmax", pool_outputs_of(s) * sizeof *argmax, 64);
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
    describe(c, i, step, pc, i % 2 ? ", with derivative" : "");
    const float *dy = check_input(c, "dy", pool_outputs_of(s));
    const int32_t *argmax = some_argmax(c, s);
    const float *derivative = i % 2 ? check_input(c, "derivative", pool_inputs(s)) : NULL;
    float *dx = check_output(c, "dx", pool_inputs(s));
    oracle_value *expected = check_memory(c, pool_inputs(s) * sizeof *expected);
    oracle_sum *sums = check_memory(c, pool_inputs(s) * sizeof *sums);
    oracle_maxpool_backward(s, dy, argmax, derivative, step == CHECK_INTEGER, sums, expected);
    CHECK_EACH_TIER(c) {
        rows.maxpool_backward_hwc16n[c->tier](s, dy, argmax, derivative, dx);
        check_values(c, "dx", dx, expected, input_axes(s), share_of_argmax(s));
    }
}

static void average_forward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    describe(c, i, step, pc, "");
    const float *x = check_input(c, "x", pool_inputs(s));
    float *y = check_output(c, "y", pool_outputs_of(s));
    oracle_value *expected = check_memory(c, pool_outputs_of(s) * sizeof *expected);
    oracle_avgpool_forward(s, x, step == CHECK_INTEGER, expected);
    CHECK_EACH_TIER(c) {
        rows.avgpool_forward_hwc16n[c->tier](s, x, y);
        check_values(c, "y", y, expected, output_axes(s), 0.5);
    }
}

static void average_backward(check *c, size_t i, check_step step, const pool_case *pc) {
    const cvy_pool_shape *s = &pc->shape;
    describe(c, i, step, pc, i % 2 ? ", with derivative" : "");
    const float *dy = check_input(c, "dy", pool_outputs_of(s));
    const float *derivative = i % 2 ? check_input(c, "derivative", pool_inputs(s)) : NULL;
    float *dx = check_output(c, "dx", pool_inputs(s));
    oracle_value *expected = check_memory(c, pool_inputs(s) * sizeof *expected);
    oracle_sum *sums = check_memory(c, pool_inputs(s) * sizeof *sums);
    oracle_avgpool_backward(s, dy, derivative, step == CHECK_INTEGER, sums, expected);
    CHECK_EACH_TIER(c) {
        rows.avgpool_backward_hwc16n[c->tier](s, dy, derivative, dx);
        check_values(c, "dx", dx, expected, input_axes(s), share_of_argmax(s));
    }
}

CHECK_TEST(maxpool_forward_hwc16n, check_each_pool, max_forward)
CHECK_TEST(maxpool_backward_hwc16n, check_each_pool, max_backward)
CHECK_TEST(avgpool_forward_hwc16n, check_each_pool, average_forward)
CHECK_TEST(avgpool_backward_hwc16n, check_each_pool, average_backward)
