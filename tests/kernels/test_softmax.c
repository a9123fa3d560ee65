/* Softmax over the channels, its gradient, and softmax with cross-entropy. */
#include <string.h>

#include "check.h"

/* Channels 1 to 40 and a few more; positions 1 to 4. */
static bool softmax_case(const check *c, size_t i, int32_t *positions, int32_t *channels) {
    static const int32_t many[] = {64, 100, 129, 255};
    const size_t repeats = c->set == CASES_LONG ? 20 : 2;
    if (i >= (40 + 4) * repeats)
        return false;
    *positions = 1 + (int32_t)(i / 44 % 4);
    *channels = i % 44 < 40 ? (int32_t)(i % 44) + 1 : many[i % 44 - 40];
    return true;
}

/* From logits of a network that has learnt nothing to those of one that is sure: exp underflows. */
static float amplitude_at(size_t i) {
    static const float amplitudes[] = {0.1f, 3.0f, 20.0f, 100.0f};
    return amplitudes[i % 4];
}

/* A third of the cases in steps of a quarter: several channels then hold the maximum. */
static void fill_logits(check *c, size_t i, float *x, size_t count) {
    check_fill(c, x, count, amplitude_at(i));
    for (size_t k = 0; i % 3 == 0 && c->step == CHECK_RANDOM && k < count; k++)
        x[k] = (float)(int)(x[k] * 4 / amplitude_at(i)) * 0.25f;
}

static check_axes axes_of(int32_t positions, int32_t channels) {
    return CHECK_AXES((size_t)positions, (size_t)channels, CVY_LANES);
}

/* ---- Forward ---- */

static void forward(check *c, size_t i, check_step step, int32_t positions, int32_t channels) {
    const size_t count = (size_t)positions * (size_t)channels * CVY_LANES;
    const bool in_place = i % 2;
    check_case(c, i, step, "%d positions, %d channels%s", positions, channels, in_place ? ", in place" : "");
    float *contents = check_memory(c, count * sizeof *contents);
    fill_logits(c, i, contents, count);
    float *y = in_place ? check_inout(c, "y", count, contents) : check_output(c, "y", count);
    float *x = in_place ? y : check_input(c, "x", count);
    if (!in_place)
        memcpy(x, contents, count * sizeof *x);
    oracle_value *expected = check_memory(c, count * sizeof *expected);
    for (int32_t p = 0; p < positions; p++)
        for (int32_t l = 0; l < CVY_LANES; l++)
            oracle_softmax(channels, contents + p * channels * CVY_LANES + l, expected + p * channels * CVY_LANES + l);
    CHECK_EACH_TIER(c) {
        rows.softmax_forward_hwc16n[c->tier](positions, channels, x, y);
        /* Logits 100 apart leave little but zeros beside the maximum. */
        check_values(c, "y", y, expected, axes_of(positions, channels), amplitude_at(i) < 50 ? 0.5 : 0);
    }
}

void test_softmax_forward_hwc16n(check *c) {
    int32_t positions, channels;
    for (size_t i = 0; softmax_case(c, i, &positions, &channels); i++)
        for (check_step step = CHECK_RANDOM; step < CHECK_STEPS; step++)
            forward(c, i, step, positions, channels);
}

/* ---- Backward ---- */

static void backward(check *c, size_t i, check_step step, int32_t positions, int32_t channels) {
    const size_t count = (size_t)positions * (size_t)channels * CVY_LANES;
    const bool in_place = i % 2;
    check_case(c, i, step, "%d positions, %d channels%s%s", positions, channels, in_place ? ", in place" : "",
               i % 3 ? ", with derivative" : "");
    float *contents = check_memory(c, count * sizeof *contents);
    check_fill(c, contents, count, 1);
    const float *y = check_input(c, "y", count);
    const float *derivative = i % 3 ? check_input(c, "derivative", count) : NULL;
    float *dx = in_place ? check_inout(c, "dx", count, contents) : check_output(c, "dx", count);
    float *dy = in_place ? dx : check_input(c, "dy", count);
    if (!in_place)
        memcpy(dy, contents, count * sizeof *dy);
    oracle_value *expected = check_memory(c, count * sizeof *expected);
    for (int32_t p = 0; p < positions; p++)
        for (int32_t l = 0; l < CVY_LANES; l++) {
            const int32_t at = p * channels * CVY_LANES + l;
            oracle_softmax_backward(channels, y + at, contents + at, derivative ? derivative + at : NULL,
                                    step == CHECK_INTEGER, expected + at);
        }
    CHECK_EACH_TIER(c) {
        rows.softmax_backward_hwc16n[c->tier](positions, channels, y, dy, derivative, dx);
        check_values(c, "dx", dx, expected, axes_of(positions, channels), 0.4);
    }
}

void test_softmax_backward_hwc16n(check *c) {
    int32_t positions, channels;
    for (size_t i = 0; softmax_case(c, i, &positions, &channels); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++)
            backward(c, i, step, positions, channels);
}

/* ---- Cross-entropy ---- */

typedef struct entropy_expected {
    oracle_value loss[CVY_LANES], *dx;
    int32_t predicted[CVY_LANES];
} entropy_expected;

static void expect_entropy(entropy_expected *e, int32_t channels, int32_t count, const uint8_t *labels, float smoothing,
                           float scale, const float *x) {
    for (int32_t l = 0; l < count; l++)
        oracle_cross_entropy(channels, labels[l], smoothing, scale, x + l, &e->loss[l], &e->predicted[l], e->dx + l);
    for (int32_t l = count; l < CVY_LANES; l++)
        e->predicted[l] = -1;
}

static void cross_entropy(check *c, size_t i, check_step step, int32_t channels) {
    const size_t elements = (size_t)channels * CVY_LANES;
    const int32_t count = i % 3 == 0 ? CVY_LANES : 1 + (int32_t)(i * 5 % 16);
    const bool in_place = i % 4 == 1, with_gradient = i % 4 != 3;
    static const float smoothings[] = {0.0f, 0.1f, 0.0f, 0.05f, 1.0f};
    const float scale = i % 2 ? 1.0f / 32 : 1.0f / 7, smoothing = smoothings[i % 5];
    check_case(c, i, step, "%d channels, count %d, smoothing %g%s%s", channels, count, smoothing,
               in_place ? ", in place" : "", with_gradient ? "" : ", no gradient");
    float *contents = check_memory(c, elements * sizeof *contents);
    fill_logits(c, i, contents, elements);
    uint8_t *labels = check_input_raw(c, "labels", (size_t)count, 1);
    for (int32_t l = 0; l < count; l++)
        labels[l] = (uint8_t)check_below(c, (uint32_t)channels);
    float *loss = check_output(c, "loss", CVY_LANES);
    int32_t *predicted = check_output_int32(c, "predicted", CVY_LANES);
    float *dx = in_place        ? check_inout(c, "dx", elements, contents)
                : with_gradient ? check_output(c, "dx", elements)
                                : NULL;
    float *x = in_place ? dx : check_input(c, "x", elements);
    if (!in_place)
        memcpy(x, contents, elements * sizeof *x);
    entropy_expected *e = check_memory(c, sizeof *e);
    e->dx = check_memory(c, elements * sizeof *e->dx);
    expect_entropy(e, channels, count, labels, smoothing, scale, contents);
    CHECK_EACH_TIER(c) {
        rows.softmax_cross_entropy_hwc16n[c->tier](channels, count, labels, smoothing, scale, x, loss, predicted, dx);
        check_values(c, "loss", loss, e->loss, CHECK_AXES(CVY_LANES), 0);
        check_integers(c, "predicted", predicted, e->predicted, CHECK_AXES(CVY_LANES));
        if (dx)
            check_values(c, "dx", dx, e->dx, axes_of(1, channels),
                         count == CVY_LANES && channels > 1 && amplitude_at(i) < 50 ? 0.5 : 0);
    }
}

void test_softmax_cross_entropy_hwc16n(check *c) {
    int32_t positions, channels;
    for (size_t i = 0; softmax_case(c, i, &positions, &channels); i++)
        for (check_step step = CHECK_RANDOM; step < CHECK_STEPS; step++)
            cross_entropy(c, i, step, channels);
}
