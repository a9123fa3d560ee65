/* Dense layers of a block: forward, and both gradients. */
#include "check.h"

static void describe(check *c, size_t number, check_step step, const dense_case *dc, const char *more) {
    check_case(c, number, step, "%s %d inputs, %d units%s", dc->name ? dc->name : "sweep", dc->shape.inputs,
               dc->shape.units, more);
}

static void forward(check *c, size_t i, check_step step, const dense_case *dc) {
    const cvy_dense_shape *s = &dc->shape;
    const size_t inputs = (size_t)s->inputs, units = (size_t)s->units;
    describe(c, i, step, dc, i % 5 == 4 ? ", no bias" : "");
    const float *x = check_input(c, "x", inputs * CVY_LANES), *weights = check_input(c, "weights", inputs * units);
    const float *bias = i % 5 == 4 ? NULL : check_input(c, "bias", units);
    float *y = check_output(c, "y", units * CVY_LANES);
    oracle_value *expected = check_memory(c, units * CVY_LANES * sizeof *expected);
    oracle_dense_forward(s, x, weights, bias, step == CHECK_INTEGER, expected);
    CHECK_EACH_TIER(c) {
        rows.dense_forward_hwc16n[c->tier](s, x, weights, bias, y);
        check_values(c, "y", y, expected, CHECK_AXES(units, CVY_LANES), 0.4);
    }
}

static void backward_data(check *c, size_t i, check_step step, const dense_case *dc) {
    const cvy_dense_shape *s = &dc->shape;
    const size_t inputs = (size_t)s->inputs, units = (size_t)s->units;
    describe(c, i, step, dc, i % 3 == 0 ? "" : ", with derivative");
    const float *dy = check_input(c, "dy", units * CVY_LANES), *weights = check_input(c, "weights", inputs * units);
    float *dx = check_output(c, "dx", inputs * CVY_LANES);
    const float *derivative = i % 3 == 0 ? NULL : check_input(c, "derivative", inputs * CVY_LANES);
    oracle_value *expected = check_memory(c, inputs * CVY_LANES * sizeof *expected);
    oracle_dense_backward_data(s, dy, weights, derivative, step == CHECK_INTEGER, expected);
    CHECK_EACH_TIER(c) {
        rows.dense_backward_data_hwc16n[c->tier](s, dy, weights, derivative, dx);
        check_values(c, "dx", dx, expected, CHECK_AXES(inputs, CVY_LANES), 0.4);
    }
}

static void backward_weights(check *c, size_t i, check_step step, const dense_case *dc) {
    const cvy_dense_shape *s = &dc->shape;
    const size_t inputs = (size_t)s->inputs, units = (size_t)s->units;
    describe(c, i, step, dc, i % 5 == 4 ? ", no bias" : "");
    const float *x = check_input(c, "x", inputs * CVY_LANES);
    const float *dy = check_input(c, "dy", units * CVY_LANES);
    float *dweights = check_output(c, "dweights", inputs * units);
    float *dbias = i % 5 == 4 ? NULL : check_output(c, "dbias", units);
    float *scratch = check_scratch(c, "scratch", (units + 15) / 16 * 16 * CVY_LANES);
    oracle_value *expected = check_memory(c, inputs * units * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, units * sizeof *expected_bias);
    oracle_dense_backward_weights(s, x, dy, step == CHECK_INTEGER, expected, expected_bias);
    CHECK_EACH_TIER(c) {
        rows.dense_backward_weights_hwc16n[c->tier](s, x, dy, dweights, dbias, scratch);
        check_values(c, "dweights", dweights, expected, CHECK_AXES(inputs, units), 0.2);
        if (dbias)
            check_values(c, "dbias", dbias, expected_bias, CHECK_AXES(units), 0);
    }
}

CHECK_TEST(dense_forward_hwc16n, check_each_dense, forward)
CHECK_TEST(dense_backward_data_hwc16n, check_each_dense, backward_data)
CHECK_TEST(dense_backward_weights_hwc16n, check_each_dense, backward_weights)
