/* Dense layers and softmax in NHWC: rows of floats, dense, rounded up to 16 as NCHW16C has them, or longer by any
 * number. */
#include <string.h>

#include "nhwc.h"
#include "scratch.h"

/* 7 divides no sweep over extents, so that each extent has rows of each kind. */
static size_t row_at(size_t i, size_t elements) {
    const size_t kind = i % 7;
    return kind == 1 || kind == 4   ? cvy_round_to_lanes(elements)
           : kind == 3 || kind == 6 ? elements + i / 7 % 19
                                    : elements;
}

/* Which share of all floats must not be zero if `share` of the rows' own must not; of a few, all may be by chance. */
static double share_of(nhwc_rows r, double share) {
    const size_t elements = (size_t)r.count * r.elements;
    return elements < CVY_LANES ? 0 : share * (double)r.elements / (double)r.row;
}

static check_axes axes_of(nhwc_rows r) {
    return CHECK_AXES((size_t)r.count, r.row);
}

/* ---- Dense ---- */

/* A case of a dense layer: the list's shape with rows of its own, and the extents of its inputs and outputs. */
typedef struct dense {
    cvy_dense_shape shape;
    nhwc_rows x, y;
} dense;

static dense begin_dense(check *c, size_t i, check_step step, const dense_case *dc, bool sums_images,
                         const char *more) {
    const int32_t count = nhwc_count_at(i, step, sums_images);
    const size_t inputs = (size_t)dc->shape.inputs, units = (size_t)dc->shape.units;
    dense d = {dc->shape, {count, inputs, row_at(i, inputs)}, {count, units, row_at(i / 5, units)}};
    d.shape.input_row = (int32_t)d.x.row;
    d.shape.unit_row = (int32_t)d.y.row;
    check_case(c, i, step, "%s %d images, %d inputs in rows of %d, %d units in rows of %d%s",
               dc->name ? dc->name : "sweep", count, d.shape.inputs, d.shape.input_row, d.shape.units, d.shape.unit_row,
               more);
    return d;
}

static void dense_forward(check *c, size_t i, check_step step, const dense_case *dc) {
    const dense d = begin_dense(c, i, step, dc, false, i % 5 == 4 ? ", no bias" : "");
    const cvy_dense_shape *s = &d.shape;
    const float *x = nhwc_input(c, "x", d.x);
    const float *weights = check_input(c, "weights", d.x.elements * d.y.elements);
    const float *bias = i % 5 == 4 ? NULL : check_input(c, "bias", d.y.elements);
    float *y = check_output_nhwc(c, "y", check_count(axes_of(d.y)));
    const float *block = nhwc_to_block(c, d.x, x);
    oracle_value *values = nhwc_values_for(c, d.y.elements);
    float *twin = nhwc_block_for(c, d.y.elements);
    oracle_dense_forward(s, block, weights, bias, step == CHECK_INTEGER, values);
    rows.dense_forward_hwc16n[CVY_TIER_scalar](s, block, weights, bias, twin);
    const oracle_value *expected = nhwc_values_from_block(c, d.y, values);
    const float *same = nhwc_from_block(c, d.y, twin);
    CHECK_EACH_TIER(c) {
        rows.dense_forward_nhwc[c->tier](s, d.x.count, x, weights, bias, y);
        check_values(c, "y", y, expected, axes_of(d.y), share_of(d.y, 0.4));
        check_floats(c, "y in HWC16N", y, same, axes_of(d.y));
    }
}

static void dense_backward_data(check *c, size_t i, check_step step, const dense_case *dc) {
    const dense d = begin_dense(c, i, step, dc, false, i % 3 == 0 ? "" : ", with derivative");
    const cvy_dense_shape *s = &d.shape;
    const float *dy = nhwc_input(c, "dy", d.y);
    const float *weights = check_input(c, "weights", d.x.elements * d.y.elements);
    const float *derivative = i % 3 == 0 ? NULL : nhwc_input(c, "derivative", d.x);
    float *dx = check_output_nhwc(c, "dx", check_count(axes_of(d.x)));
    float *scratch = check_scratch(c, "scratch", cvy_dense_backward_data_nhwc_scratch(s));
    const float *block = nhwc_to_block(c, d.y, dy);
    const float *factors = derivative ? nhwc_to_block(c, d.x, derivative) : NULL;
    oracle_value *values = nhwc_values_for(c, d.x.elements);
    float *twin = nhwc_block_for(c, d.x.elements);
    oracle_dense_backward_data(s, block, weights, factors, step == CHECK_INTEGER, values);
    rows.dense_backward_data_hwc16n[CVY_TIER_scalar](s, block, weights, factors, twin);
    const oracle_value *expected = nhwc_values_from_block(c, d.x, values);
    const float *same = nhwc_from_block(c, d.x, twin);
    CHECK_EACH_TIER(c) {
        rows.dense_backward_data_nhwc[c->tier](s, d.x.count, dy, weights, derivative, dx, scratch);
        check_values(c, "dx", dx, expected, axes_of(d.x), share_of(d.x, 0.4));
        check_floats(c, "dx in HWC16N", dx, same, axes_of(d.x));
    }
}

static void dense_backward_weights(check *c, size_t i, check_step step, const dense_case *dc) {
    const dense d = begin_dense(c, i, step, dc, true, i % 5 == 4 ? ", no bias" : "");
    const cvy_dense_shape *s = &d.shape;
    const size_t inputs = d.x.elements, units = d.y.elements;
    const float *x = nhwc_input(c, "x", d.x), *dy = nhwc_input(c, "dy", d.y);
    float *dweights = check_output(c, "dweights", inputs * units);
    float *dbias = i % 5 == 4 ? NULL : check_output(c, "dbias", units);
    const float *x_block = nhwc_to_block(c, d.x, x), *dy_block = nhwc_to_block(c, d.y, dy);
    oracle_value *expected = check_memory(c, inputs * units * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, units * sizeof *expected_bias);
    oracle_dense_backward_weights(s, x_block, dy_block, step == CHECK_INTEGER, expected, expected_bias);
    float *twin = check_scratch(c, "same", inputs * units);
    float *scratch = check_scratch(c, "scratch", cvy_round_to_lanes(units) * CVY_LANES);
    rows.dense_backward_weights_hwc16n[CVY_TIER_scalar](s, x_block, dy_block, twin, NULL, scratch);
    const float *same = memcpy(check_memory(c, inputs * units * sizeof *same), twin, inputs * units * sizeof *same);
    CHECK_EACH_TIER(c) {
        rows.dense_backward_weights_nhwc[c->tier](s, d.x.count, x, dy, dweights, dbias);
        check_values(c, "dweights", dweights, expected, CHECK_AXES(inputs, units), 0.2);
        check_floats(c, "dweights in HWC16N", dweights, same, CHECK_AXES(inputs, units));
        if (dbias)
            check_values(c, "dbias", dbias, expected_bias, CHECK_AXES(units), 0);
    }
}

CHECK_TEST(dense_forward_nhwc, check_each_dense, dense_forward)
CHECK_TEST(dense_backward_data_nhwc, check_each_dense, dense_backward_data)
CHECK_TEST(dense_backward_weights_nhwc, check_each_dense, dense_backward_weights)

/* ---- Softmax: up to 16 rows, which are the lanes of one position of a block ---- */

static nhwc_rows begin_softmax(check *c, size_t i, check_step step, const char *more) {
    const size_t channels = 1 + i % 140;
    const nhwc_rows r = {nhwc_count_at(i, step, false), channels, row_at(i / 2 + i / 140, channels)};
    check_case(c, i, step, "%d rows of %zu, %zu channels%s", r.count, r.row, channels, more);
    return r;
}

/* From logits of a network that has learnt nothing to those of one that is sure: exp underflows. */
static float amplitude_at(size_t i) {
    static const float amplitudes[] = {0.1f, 3.0f, 20.0f, 100.0f};
    return amplitudes[i / 3 % 4];
}

/* A third of the cases in steps of a quarter: several channels then hold the maximum. */
static float *some_logits(check *c, size_t i, nhwc_rows r) {
    const size_t count = check_count(axes_of(r));
    float *x = check_memory(c, count * sizeof *x);
    check_fill(c, x, count, amplitude_at(i));
    for (size_t k = 0; i % 3 == 0 && c->step == CHECK_RANDOM && k < count; k++)
        x[k] = (float)(int)(x[k] * 4 / amplitude_at(i)) * 0.25f;
    return x;
}

/* The input of an operation that may be its output as well, which then begins with `contents`. */
static const float *input_or(check *c, const char *name, const float *in_place, nhwc_rows r, const float *contents) {
    if (in_place)
        return in_place;
    float *input = nhwc_input(c, name, r);
    for (size_t i = 0; i < check_count(axes_of(r)); i++)
        if (i % r.row < r.elements)
            input[i] = contents[i];
    return input;
}

static void softmax_forward(check *c, size_t i, check_step step) {
    const bool in_place = i % 2;
    const nhwc_rows r = begin_softmax(c, i, step, in_place ? ", in place" : "");
    const int32_t channels = (int32_t)r.elements;
    const float *logits = some_logits(c, i, r);
    float *y = in_place ? check_inout_unaligned(c, "y", check_count(axes_of(r)), logits)
                        : check_output_nhwc(c, "y", check_count(axes_of(r)));
    const float *x = input_or(c, "x", in_place ? y : NULL, r, logits);
    const float *block = nhwc_to_block(c, r, logits);
    oracle_value *values = nhwc_values_for(c, r.elements);
    float *twin = nhwc_block_for(c, r.elements);
    for (int32_t l = 0; l < r.count; l++)
        oracle_softmax(channels, block + l, values + l);
    rows.softmax_forward_hwc16n[CVY_TIER_scalar](1, channels, block, twin);
    const oracle_value *expected = nhwc_values_from_block(c, r, values);
    const float *same = nhwc_from_block(c, r, twin);
    CHECK_EACH_TIER(c) {
        rows.softmax_forward_nhwc[c->tier](r.count, channels, (int32_t)r.row, x, y);
        /* Logits 100 apart leave little but zeros beside the maximum. */
        check_values(c, "y", y, expected, axes_of(r), amplitude_at(i) < 50 ? share_of(r, 0.5) : 0);
        check_floats(c, "y in HWC16N", y, same, axes_of(r));
    }
}

static void softmax_backward(check *c, size_t i, check_step step) {
    const bool in_place = i % 2;
    const nhwc_rows r = begin_softmax(c, i, step, in_place ? ", in place" : "");
    const int32_t channels = (int32_t)r.elements;
    float *contents = check_memory(c, check_count(axes_of(r)) * sizeof *contents);
    check_fill(c, contents, check_count(axes_of(r)), 1);
    const float *y = nhwc_input(c, "y", r), *derivative = i % 3 ? nhwc_input(c, "derivative", r) : NULL;
    float *dx = in_place ? check_inout_unaligned(c, "dx", check_count(axes_of(r)), contents)
                         : check_output_nhwc(c, "dx", check_count(axes_of(r)));
    const float *dy = input_or(c, "dy", in_place ? dx : NULL, r, contents);
    const float *y_block = nhwc_to_block(c, r, y), *dy_block = nhwc_to_block(c, r, contents);
    const float *factors = derivative ? nhwc_to_block(c, r, derivative) : NULL;
    oracle_value *values = nhwc_values_for(c, r.elements);
    float *twin = nhwc_block_for(c, r.elements);
    for (int32_t l = 0; l < r.count; l++)
        oracle_softmax_backward(channels, y_block + l, dy_block + l, factors ? factors + l : NULL,
                                step == CHECK_INTEGER, values + l);
    rows.softmax_backward_hwc16n[CVY_TIER_scalar](1, channels, y_block, dy_block, factors, twin);
    const oracle_value *expected = nhwc_values_from_block(c, r, values);
    const float *same = nhwc_from_block(c, r, twin);
    CHECK_EACH_TIER(c) {
        rows.softmax_backward_nhwc[c->tier](r.count, channels, (int32_t)r.row, y, dy, derivative, dx);
        check_values(c, "dx", dx, expected, axes_of(r), share_of(r, 0.4));
        check_floats(c, "dx in HWC16N", dx, same, axes_of(r));
    }
}

/* What cross-entropy must leave, by the oracle and by the scalar HWC16N kernel. */
typedef struct entropy {
    oracle_value loss[CVY_LANES], *dx;
    const float *same_loss, *same_dx;
    int32_t predicted[CVY_LANES];
} entropy;

static entropy *expect_entropy(check *c, nhwc_rows r, const uint8_t *labels, float smoothing, float scale,
                               const float *logits) {
    entropy *e = check_memory(c, sizeof *e);
    const int32_t channels = (int32_t)r.elements;
    const float *block = nhwc_to_block(c, r, logits);
    oracle_value *values = nhwc_values_for(c, r.elements);
    for (int32_t l = 0; l < r.count; l++)
        oracle_cross_entropy(channels, labels[l], smoothing, scale, block + l, &e->loss[l], &e->predicted[l],
                             values + l);
    e->dx = nhwc_values_from_block(c, r, values);
    float *loss = nhwc_block_for(c, 1), *dx = nhwc_block_for(c, r.elements);
    int32_t *predicted = (int32_t *)(void *)nhwc_block_for(c, 1);
    rows.softmax_cross_entropy_hwc16n[CVY_TIER_scalar](channels, r.count, labels, smoothing, scale, block, loss,
                                                       predicted, dx);
    e->same_loss = nhwc_from_block(c, (nhwc_rows){r.count, 1, 1}, loss);
    e->same_dx = nhwc_from_block(c, r, dx);
    return e;
}

static void softmax_cross_entropy(check *c, size_t i, check_step step) {
    static const float smoothings[] = {0.0f, 0.1f, 0.0f, 0.05f, 1.0f};
    const bool in_place = i % 4 == 1, with_gradient = i % 4 != 3;
    const float scale = i % 2 ? 1.0f / 32 : 1.0f / 7, smoothing = smoothings[(i + i / 140) % 5];
    const nhwc_rows r = begin_softmax(c, i, step, in_place ? ", in place" : with_gradient ? "" : ", no gradient");
    const size_t count = (size_t)r.count;
    const float *logits = some_logits(c, i, r);
    uint8_t *labels = check_input_raw(c, "labels", count, 1);
    for (size_t n = 0; n < count; n++)
        labels[n] = (uint8_t)check_below(c, (uint32_t)r.elements);
    float *loss = check_output_unaligned(c, "loss", count);
    int32_t *predicted = check_output_int32_unaligned(c, "predicted", count);
    float *dx = in_place        ? check_inout_unaligned(c, "dx", check_count(axes_of(r)), logits)
                : with_gradient ? check_output_nhwc(c, "dx", check_count(axes_of(r)))
                                : NULL;
    const float *x = input_or(c, "x", in_place ? dx : NULL, r, logits);
    const entropy *e = expect_entropy(c, r, labels, smoothing, scale, logits);
    CHECK_EACH_TIER(c) {
        rows.softmax_cross_entropy_nhwc[c->tier]((int32_t)r.elements, (int32_t)r.row, r.count, labels, smoothing, scale,
                                                 x, loss, predicted, dx);
        check_values(c, "loss", loss, e->loss, CHECK_AXES(count), 0);
        check_floats(c, "loss in HWC16N", loss, e->same_loss, CHECK_AXES(count));
        check_integers(c, "predicted", predicted, e->predicted, CHECK_AXES(count));
        if (!dx)
            continue;
        check_values(c, "dx", dx, e->dx, axes_of(r), r.elements > 1 && amplitude_at(i) < 50 ? share_of(r, 0.5) : 0);
        check_floats(c, "dx in HWC16N", dx, e->same_dx, axes_of(r));
    }
}

static void each_softmax(check *c, check_step first, void (*run)(check *c, size_t i, check_step step)) {
    const size_t repeats = c->set == CASES_LONG ? 20 : 4;
    for (size_t i = 0; i < 140 * repeats; i++)
        for (check_step step = first; step < CHECK_STEPS; step++)
            run(c, i, step);
}

void test_softmax_forward_nhwc(check *c) {
    each_softmax(c, CHECK_RANDOM, softmax_forward);
}

void test_softmax_backward_nhwc(check *c) {
    each_softmax(c, CHECK_INTEGER, softmax_backward);
}

void test_softmax_cross_entropy_nhwc(check *c) {
    each_softmax(c, CHECK_RANDOM, softmax_cross_entropy);
}
