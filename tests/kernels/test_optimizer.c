/* Optimizer updates: the contract's formulas in floats give the bits, the same in double the truth, and the bound is
 * the roundings of the formula carried through it (u each, a derivative's worth where a value goes on into a function).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define U 0x1p-24

enum { SLOTS = 3 };

typedef enum family { SGD, RMSPROP, ADAM } family;

/* A rule of any of the three. */
typedef struct rule {
    family family;
    cvy_sgd sgd;
    cvy_rmsprop rmsprop;
    cvy_adam adam;
    int slots;
} rule;

/* One parameter: before or after. */
typedef struct parameter {
    oracle_value w, slot[SLOTS];
} parameter;

/* ---- Oracle ---- */

/* A value with an error bound, after one more rounding. */
typedef struct approximate {
    double value, error;
} approximate;

static approximate rounded(double value, double error) {
    return (approximate){value, error + U * fabs(value) + 0x1p-149};
}

static approximate times(approximate a, double b) {
    return rounded(a.value * b, a.error * fabs(b));
}

static approximate plus(approximate a, approximate b) {
    return rounded(a.value + b.value, a.error + b.error);
}

/* a b + c, one rounding. */
static approximate fused(approximate a, double b, approximate c) {
    return rounded(a.value * b + c.value, a.error * fabs(b) + c.error);
}

static approximate root(approximate a) {
    const double r = sqrt(a.value);
    return rounded(r, fmin(0.51 * a.error / r, sqrt(a.error)));
}

static approximate quotient(approximate a, approximate b) {
    const double q = a.value / b.value;
    return rounded(q, 1.01 * (a.error / fabs(b.value) + fabs(q) * b.error / fabs(b.value)));
}

static approximate exactly(double value) {
    return (approximate){value, 0};
}

static approximate minus(approximate a) {
    return (approximate){-a.value, a.error};
}

/* The float for comparison by bits; state below the smallest normal becomes +0. */
static oracle_value result(approximate a, float exact) {
    return (oracle_value){a.value, 1.001 * a.error + 0x1p-148, exact};
}

static oracle_value flushed(approximate a, float exact) {
    oracle_value v = result(a, fabsf(exact) < 0x1p-126f ? 0.0f : exact);
    v.bound += 0x1p-126;
    return v;
}

static approximate decayed(float w, float decay) {
    return decay > 0 ? fused(exactly(w), -decay, exactly(w)) : exactly(w);
}

static float decayed_exactly(float w, float decay) {
    return decay > 0 ? oracle_fma(-decay, w, w) : w;
}

static parameter sgd(const cvy_sgd *o, float g, float w, float m) {
    parameter p = {0};
    const approximate w1 = decayed(w, o->decay);
    const float w1_exact = decayed_exactly(w, o->decay);
    if (o->momentum == 0) {
        p.w = result(fused(exactly(g), -o->learning_rate, w1), oracle_fma(-o->learning_rate, g, w1_exact));
        return p;
    }
    const approximate pull = minus(times(exactly(g), o->learning_rate));
    const float pull_exact = -(o->learning_rate * g);
    const approximate new_m = fused(exactly(m), o->momentum, pull);
    const float m_exact = oracle_fma(o->momentum, m, pull_exact);
    p.slot[0] = flushed(new_m, m_exact);
    if (o->nesterov)
        p.w =
            result(plus(w1, fused(new_m, o->momentum, pull)), w1_exact + oracle_fma(o->momentum, m_exact, pull_exact));
    else
        p.w = result(plus(w1, new_m), w1_exact + m_exact);
    return p;
}

/* Slots in the contract's order: v, then m if momentum, then a if centered. */
static parameter rmsprop(const cvy_rmsprop *o, float g, float w, const float *slot) {
    parameter p = {0};
    const approximate w1 = decayed(w, o->decay);
    const float w1_exact = decayed_exactly(w, o->decay);
    int next = 0;
    const float v0 = slot[next];
    const approximate v = fused(times(exactly(g), g), o->one_minus_rho, times(exactly(v0), o->rho));
    const float v_exact = oracle_fma(g * g, o->one_minus_rho, o->rho * v0);
    p.slot[next++] = flushed(v, v_exact);
    const int m_slot = o->momentum > 0 ? next++ : 0;
    approximate d = v;
    float d_exact = v_exact;
    if (o->centered) {
        const approximate a = fused(exactly(g), o->one_minus_rho, times(exactly(slot[next]), o->rho));
        const float a_exact = oracle_fma(g, o->one_minus_rho, o->rho * slot[next]);
        p.slot[next] = flushed(a, a_exact);
        d = rounded(v.value - a.value * a.value, v.error + 2 * fabs(a.value) * a.error + a.error * a.error);
        d_exact = oracle_fma(-a_exact, a_exact, v_exact);
    }
    const approximate i = quotient(times(exactly(g), o->learning_rate), root(plus(d, exactly(o->epsilon))));
    const float i_exact = (o->learning_rate * g) / sqrtf(d_exact + o->epsilon);
    if (o->momentum > 0) {
        const approximate m = fused(exactly(slot[m_slot]), o->momentum, i);
        const float m_exact = oracle_fma(o->momentum, slot[m_slot], i_exact);
        p.slot[m_slot] = flushed(m, m_exact);
        p.w = result(plus(w1, minus(m)), w1_exact - m_exact);
    } else {
        p.w = result(plus(w1, minus(i)), w1_exact - i_exact);
    }
    return p;
}

static parameter adam(const cvy_adam *o, float g, float w, const float *slot) {
    parameter p = {0};
    const approximate w1 = decayed(w, o->decay);
    const float w1_exact = decayed_exactly(w, o->decay);
    const approximate m = fused(plus(exactly(g), exactly(-slot[0])), o->one_minus_beta_1, exactly(slot[0]));
    const float m_exact = oracle_fma(g - slot[0], o->one_minus_beta_1, slot[0]);
    const approximate v = fused(fused(exactly(g), g, exactly(-slot[1])), o->one_minus_beta_2, exactly(slot[1]));
    const float v_exact = oracle_fma(oracle_fma(g, g, -slot[1]), o->one_minus_beta_2, slot[1]);
    p.slot[0] = flushed(m, m_exact);
    p.slot[1] = flushed(v, v_exact);
    approximate h = v;
    float h_exact = v_exact;
    if (o->amsgrad) {
        h = (approximate){fmax(slot[2], v.value), v.error};
        h_exact = slot[2] > v_exact ? slot[2] : v_exact;
        p.slot[2] = flushed(h, h_exact);
    }
    const approximate step = quotient(times(m, o->alpha), plus(root(h), exactly(o->epsilon)));
    p.w = result(plus(w1, minus(step)), w1_exact - (m_exact * o->alpha) / (sqrtf(h_exact) + o->epsilon));
    return p;
}

static parameter expect(const rule *r, float g, float w, const float *slot) {
    switch (r->family) {
    case SGD:
        return sgd(&r->sgd, g, w, slot[0]);
    case RMSPROP:
        return rmsprop(&r->rmsprop, g, w, slot);
    case ADAM:
    default:
        return adam(&r->adam, g, w, slot);
    }
}

/* ---- Runs ---- */

/* All that an update reads and writes, and what it must leave. */
typedef struct update {
    size_t count;
    float *gradient, *w, *slot[SLOTS]; /* contents before */
    oracle_value *expected_w, *expected_slot[SLOTS];
    int expected_flag;
} update;

static update new_update(check *c, const rule *r, size_t count) {
    update u = {.count = count};
    u.gradient = check_memory(c, count * sizeof(float));
    u.w = check_memory(c, count * sizeof(float));
    u.expected_w = check_memory(c, count * sizeof *u.expected_w);
    for (int s = 0; s < r->slots; s++) {
        u.slot[s] = check_memory(c, count * sizeof(float));
        u.expected_slot[s] = check_memory(c, count * sizeof *u.expected_slot[s]);
    }
    return u;
}

static void expect_update(const rule *r, update *u) {
    u->expected_flag = 0;
    for (size_t i = 0; i < u->count; i++) {
        float slot[SLOTS] = {0};
        for (int s = 0; s < r->slots; s++)
            slot[s] = u->slot[s][i];
        const parameter p = expect(r, u->gradient[i], u->w[i], slot);
        u->expected_w[i] = p.w;
        for (int s = 0; s < r->slots; s++)
            u->expected_slot[s][i] = p.slot[s];
        if (!isfinite(u->gradient[i]) || !isfinite(p.w.exact))
            u->expected_flag = 1;
    }
}

static int call(const check *c, const rule *r, size_t count, const float *gradient, float *const *state, float *w) {
    switch (r->family) {
    case SGD:
        return rows.sgd_update[c->tier](&r->sgd, count, gradient, state, w);
    case RMSPROP:
        return rows.rmsprop_update[c->tier](&r->rmsprop, count, gradient, state, w);
    case ADAM:
    default:
        return rows.adam_update[c->tier](&r->adam, count, gradient, state, w);
    }
}

static void run_update(check *c, const rule *r, update *u) {
    static const char *const names[SLOTS] = {"state 0", "state 1", "state 2"};
    expect_update(r, u);
    float *gradient = check_input(c, "gradient", u->count);
    memcpy(gradient, u->gradient, u->count * sizeof *gradient);
    float *w = check_inout(c, "parameters", u->count, u->w);
    float *state[SLOTS] = {NULL};
    for (int s = 0; s < r->slots; s++)
        state[s] = check_inout(c, names[s], u->count, u->slot[s]);
    CHECK_EACH_TIER(c) {
        const int flag = call(c, r, u->count, gradient, state, w);
        if (flag != u->expected_flag)
            check_fail(c, "result: expected %d, got %d", u->expected_flag, flag);
        check_values(c, "parameters", w, u->expected_w, CHECK_AXES(u->count), 0.5);
        for (int s = 0; s < r->slots; s++)
            check_values(c, names[s], state[s], u->expected_slot[s], CHECK_AXES(u->count), 0.3);
    }
}

/* ---- Inputs ---- */

static void describe(check *c, size_t number, check_step step, const rule *r, size_t count) {
    static const char *const names[] = {"SGD", "RMSprop", "Adam"};
    check_case(c, number, step, "%s, %d slots, %zu parameters", names[r->family], r->slots, count);
}

/* State as training leaves it: the mean square is at least the square of the mean. A tenth of it is so small that it
 * must flush, or nearly. */
static void fill_state(check *c, const rule *r, update *u) {
    for (int s = 0; s < r->slots; s++)
        check_fill(c, u->slot[s], u->count, 1);
    if (c->step == CHECK_SPECIAL)
        return;
    const bool centered = r->family == RMSPROP && r->rmsprop.centered;
    const float *mean = centered ? u->slot[r->slots - 1] : NULL;
    for (int s = 0; s < r->slots; s++)
        for (size_t i = 0; i < u->count; i++) {
            const bool square = r->family == RMSPROP ? s == 0 : r->family == ADAM && s > 0;
            if (square)
                u->slot[s][i] = fabsf(u->slot[s][i]) + (mean ? mean[i] * mean[i] : 0.0f);
            if (check_below(c, 10) == 0 && !centered) {
                u->slot[s][i] = (square ? 1.0f : check_uniform(c)) * 0x1p-124f;
                u->gradient[i] = 0.0f;
            }
        }
}

static void random_update(check *c, size_t number, check_step step, const rule *r, size_t count) {
    describe(c, number, step, r, count);
    update u = new_update(c, r, count);
    check_fill(c, u.gradient, count, number % 2 ? 1.0f : 1e-3f);
    check_fill(c, u.w, count, 1);
    fill_state(c, r, &u);
    run_update(c, r, &u);
}

/* One gradient, parameter or state at fault, at every place: the flag must tell, whichever lane and vector it is in. */
typedef enum fault { BAD_GRADIENT, BAD_PARAMETER, INFINITE_STATE, NAN_STATE, FAULTS } fault;

static void faulty_update(check *c, size_t number, const rule *r, size_t count, size_t at, fault f) {
    describe(c, number, CHECK_SPECIAL, r, count);
    update u = new_update(c, r, count);
    for (size_t i = 0; i < count; i++) {
        u.gradient[i] = 0.25f;
        u.w[i] = 1.0f;
        for (int s = 0; s < r->slots; s++)
            u.slot[s][i] = 0.5f;
    }
    if (f == BAD_GRADIENT)
        u.gradient[at] = at % 3 == 0 ? NAN : at % 3 == 1 ? INFINITY : -INFINITY;
    if (f == BAD_PARAMETER)
        u.w[at] = at % 2 ? NAN : -INFINITY;
    if (f >= INFINITE_STATE && r->slots)
        u.slot[at % (size_t)r->slots][at] = f == INFINITE_STATE ? INFINITY : NAN;
    run_update(c, r, &u);
}

/* Every input is finite and one step too long: only the new parameter tells. */
static void overflowing_update(check *c, size_t number, rule r, size_t count, size_t at) {
    r.sgd.learning_rate = r.rmsprop.learning_rate = r.adam.alpha = 0x1p127f;
    describe(c, number, CHECK_SPECIAL, &r, count);
    update u = new_update(c, &r, count);
    for (size_t i = 0; i < count; i++) {
        u.gradient[i] = i == at ? -1.0f : 0.0f;
        u.w[i] = i == at ? 0x1.fffffep127f : 1.0f;
    }
    run_update(c, &r, &u);
}

static size_t count_at(size_t i) {
    return i < 20 ? 16 * i : 16 * (i * 37 % 300);
}

static void all_updates(check *c, const rule *r, size_t number) {
    enum { PLACES = 16 * 9 };
    const size_t counts = c->set == CASES_LONG ? 1000 : 40;
    number *= 100000;
    for (size_t i = 0; i < counts; i++) {
        random_update(c, number + i, CHECK_RANDOM, r, count_at(i));
        random_update(c, number + i, CHECK_SPECIAL, r, count_at(i));
    }
    for (size_t at = 0; at < PLACES; at++) {
        for (int f = 0; f < FAULTS; f++)
            faulty_update(c, number + 10000 + at * FAULTS + (size_t)f, r, PLACES, at, (fault)f);
        overflowing_update(c, number + 20000 + at, *r, PLACES, at);
    }
}

/* ---- Rules ---- */

void test_sgd_update(check *c) {
    static const cvy_sgd rules[] = {{0.01f, 0, 0, 0},        {0.01f, 0, 1e-3f, 0},   {0.01f, 0.9f, 0, 0},
                                    {0.01f, 0.9f, 4e-6f, 0}, {0.1f, 0.9f, 1e-2f, 1}, {0.1f, 0, 0, 1}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        all_updates(c, &(rule){.family = SGD, .sgd = rules[i], .slots = rules[i].momentum > 0}, i);
}

void test_rmsprop_update(check *c) {
    static const cvy_rmsprop rules[] = {{0.001f, 0.9f, 0.1f, 0, 1e-7f, 0, 0},
                                        {0.001f, 0.9f, 0.1f, 0.9f, 1e-7f, 0, 0},
                                        {0.001f, 0.9f, 0.1f, 0, 1e-3f, 0, 1},
                                        {0.001f, 0.9f, 0.1f, 0, 1e-7f, 4e-3f, 0},
                                        {0.01f, 0.95f, 0.05f, 0.5f, 1e-3f, 4e-6f, 1}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        all_updates(
            c,
            &(rule){.family = RMSPROP, .rmsprop = rules[i], .slots = 1 + (rules[i].momentum > 0) + rules[i].centered},
            i);
}

void test_adam_update(check *c) {
    static const cvy_adam rules[] = {{0.0003f, 0.1f, 0.001f, 1e-7f, 0, 0},
                                     {0.001f, 0.1f, 0.001f, 1e-7f, 4e-6f, 0},
                                     {0.001f, 0.1f, 0.001f, 1e-7f, 0, 1},
                                     {0.001f, 0.2f, 0.01f, 1e-3f, 4e-3f, 1}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        all_updates(c, &(rule){.family = ADAM, .adam = rules[i], .slots = 2 + rules[i].amsgrad}, i);
}

/* ---- Moving average ---- */

static void moving_average(check *c, size_t i, check_step step, float rate) {
    const size_t count = count_at(i);
    check_case(c, i, step, "%zu parameters, rate %g", count, rate);
    float *contents = check_memory(c, count * sizeof *contents);
    check_fill(c, contents, count, 1);
    const float *w = check_input(c, "parameters", count);
    float *average = check_inout(c, "average", count, contents);
    oracle_value *expected = check_memory(c, count * sizeof *expected);
    for (size_t k = 0; k < count; k++)
        expected[k] = result(fused(plus(exactly(w[k]), exactly(-contents[k])), rate, exactly(contents[k])),
                             oracle_fma(w[k] - contents[k], rate, contents[k]));
    CHECK_EACH_TIER(c) {
        rows.ema_update[c->tier](rate, count, w, average);
        check_values(c, "average", average, expected, CHECK_AXES(count), 0.5);
    }
}

void test_ema_update(check *c) {
    static const float rates[] = {0.01f, 1.0f, 0.5f, 0.0f};
    const size_t counts = c->set == CASES_LONG ? 1000 : 40;
    for (size_t i = 0; i < counts; i++)
        for (check_step step = CHECK_RANDOM; step < CHECK_STEPS; step++)
            moving_average(c, i, step, rates[i % 4]);
}
