/* Operations on one element at a time. The counts from 0 on reach every tail of a loop that takes up to 8 vectors of 16
 * at once; each array stands at an alignment of its own. */
#include <math.h>
#include <string.h>

#include "check.h"

static size_t count_at(size_t i) {
    return i < 140 ? i : i * 599 % 6400;
}

static size_t counts(const check *c) {
    return c->set == CASES_LONG ? 2000 : 180;
}

/* Buffers at any alignment of a float. */
static float *input_at(check *c, const char *name, size_t count) {
    c->misalignment = (int)check_below(c, 16);
    return check_input_unaligned(c, name, count);
}

static float *output_at(check *c, const char *name, size_t count) {
    c->misalignment = (int)check_below(c, 16);
    return check_output_unaligned(c, name, count);
}

static float *inout_at(check *c, const char *name, size_t count, const float *contents) {
    c->misalignment = (int)check_below(c, 16);
    return check_inout_unaligned(c, name, count, contents);
}

/* ---- Activations ---- */

/* Half of relu is zeros, and a quarter of tanh's derivatives where it saturates; of a few elements perhaps all. */
static double activation_share(cvy_activation_kind kind, size_t count) {
    return count < 64 ? 0 : kind == CVY_ACT_RELU ? 0.1 : 0.4;
}

static void activation(check *c, size_t i, check_step step, cvy_activation_kind kind) {
    const size_t count = count_at(i);
    const bool in_place = i % 3 == 1, with_derivative = i % 4 != 3;
    check_case(c, i * 5 + kind, step, "%s, %zu elements%s", oracle_activation_name(kind), count,
               in_place ? ", in place" : "");
    float *contents = check_memory(c, count * sizeof *contents);
    /* In the special step down to where a sigmoid underflows. */
    check_fill(c, contents, count, step == CHECK_SPECIAL ? 200.0f : i % 2 ? 4.0f : 12.0f);
    float *y = in_place ? inout_at(c, "y", count, contents) : output_at(c, "y", count);
    float *x = in_place ? y : input_at(c, "x", count);
    if (!in_place)
        memcpy(x, contents, count * sizeof *x);
    float *derivative = with_derivative ? output_at(c, "derivative", count) : NULL;
    oracle_value *expected = check_memory(c, count * sizeof *expected);
    oracle_value *expected_derivative = check_memory(c, count * sizeof *expected_derivative);
    for (size_t k = 0; k < count; k++)
        oracle_activation(kind, (oracle_value){contents[k], 0, contents[k]}, &expected[k], &expected_derivative[k]);
    CHECK_EACH_TIER(c) {
        rows.activation_forward[c->tier](kind, count, x, y, derivative);
        check_values(c, "y", y, expected, CHECK_AXES(count), activation_share(kind, count));
        if (derivative)
            check_values(c, "derivative", derivative, expected_derivative, CHECK_AXES(count),
                         activation_share(kind, count));
    }
}

void test_activation_forward(check *c) {
    for (size_t i = 0; i < counts(c); i++)
        for (check_step step = CHECK_RANDOM; step < CHECK_STEPS; step++)
            for (int kind = CVY_ACT_LINEAR; kind <= CVY_ACT_TANH; kind++)
                activation(c, i, step, (cvy_activation_kind)kind);
}

/* ---- scale ---- */

static void scale(check *c, size_t i, check_step step, float factor, float offset) {
    const size_t count = count_at(i);
    const bool in_place = i % 2;
    check_case(c, i, step, "%zu elements, scale %g, offset %g%s", count, factor, offset, in_place ? ", in place" : "");
    float *contents = check_memory(c, count * sizeof *contents);
    check_fill(c, contents, count, 1);
    float *y = in_place ? inout_at(c, "y", count, contents) : output_at(c, "y", count);
    float *x = in_place ? y : input_at(c, "x", count);
    if (!in_place)
        memcpy(x, contents, count * sizeof *x);
    oracle_value *expected = check_memory(c, count * sizeof *expected);
    for (size_t k = 0; k < count; k++) {
        oracle_sum sum = {.value = offset, .magnitude = fabs((double)offset), .chain = offset};
        oracle_add(&sum, contents[k], factor);
        expected[k] = oracle_result(&sum, NULL, step == CHECK_INTEGER);
    }
    CHECK_EACH_TIER(c) {
        rows.scale[c->tier](count, factor, offset, x, y);
        check_values(c, "y", y, expected, CHECK_AXES(count), 0.5);
    }
}

void test_scale(check *c) {
    for (size_t i = 0; i < counts(c); i++) {
        scale(c, i, CHECK_INTEGER, 3.0f, -100.0f);
        scale(c, i, CHECK_RANDOM, 1.0f / 255, -0.3f);
        scale(c, i, CHECK_SPECIAL, i % 3 ? -0.0f : 0.7f, i % 2 ? -0.0f : 1e-40f);
    }
}

/* ---- multiply and add: both inputs, or one of them, may be the output ---- */

typedef enum alias { ALIAS_NONE, ALIAS_A, ALIAS_B, ALIAS_BOTH, ALIASES } alias;

static const char *const alias_names[ALIASES] = {"", ", onto a", ", onto b", ", both inputs and the output one"};

typedef struct operands {
    const float *a, *b;
    float *y;
    oracle_value *expected;
    size_t count;
} operands;

static operands two_operands(check *c, size_t i, check_step step, bool product) {
    operands o = {.count = count_at(i)};
    const alias with = (alias)(i % ALIASES);
    check_case(c, i, step, "%zu elements%s", o.count, alias_names[with]);
    float *a = check_memory(c, o.count * sizeof *a), *b = check_memory(c, o.count * sizeof *b);
    check_fill(c, a, o.count, 1);
    check_fill(c, b, o.count, 1);
    if (with == ALIAS_BOTH)
        b = a;
    o.expected = check_memory(c, o.count * sizeof *o.expected);
    for (size_t k = 0; k < o.count; k++) {
        const double value = product ? (double)a[k] * b[k] : (double)a[k] + b[k];
        o.expected[k] = (oracle_value){.value = value,
                                       .bound = step == CHECK_INTEGER ? 0 : oracle_rounding(value),
                                       .exact = product ? a[k] * b[k] : a[k] + b[k]};
    }
    o.y = with == ALIAS_NONE ? output_at(c, "y", o.count) : inout_at(c, "y", o.count, with == ALIAS_B ? b : a);
    float *buffer_a = with == ALIAS_NONE || with == ALIAS_B ? input_at(c, "a", o.count) : NULL;
    float *buffer_b = with == ALIAS_NONE || with == ALIAS_A ? input_at(c, "b", o.count) : NULL;
    if (buffer_a)
        memcpy(buffer_a, a, o.count * sizeof *a);
    if (buffer_b)
        memcpy(buffer_b, b, o.count * sizeof *b);
    o.a = buffer_a ? buffer_a : o.y;
    o.b = buffer_b ? buffer_b : o.y;
    return o;
}

void test_multiply(check *c) {
    for (size_t i = 0; i < counts(c); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++) {
            const operands o = two_operands(c, i, step, true);
            CHECK_EACH_TIER(c) {
                rows.multiply[c->tier](o.count, o.a, o.b, o.y);
                check_values(c, "y", o.y, o.expected, CHECK_AXES(o.count), 0.5);
            }
        }
}

void test_add(check *c) {
    for (size_t i = 0; i < counts(c); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++) {
            const operands o = two_operands(c, i, step, false);
            CHECK_EACH_TIER(c) {
                rows.add[c->tier](o.count, o.a, o.b, o.y);
                check_values(c, "y", o.y, o.expected, CHECK_AXES(o.count), 0.5);
            }
        }
}
