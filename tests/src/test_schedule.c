/* Schedules of the learning rate: each against its formula. */
#include "suite.h"
#include "texts.h"

#include <math.h>
#include <string.h>

#include "../../src/train/schedule.h"

static bool parse(const char *text, void *schedule, cvy_status *status) {
    return cvy_schedule_parse(text, schedule, status);
}

static cvy_schedule parsed(const char *text) {
    cvy_schedule schedule = {0};
    parse_or_fail(parse, text, &schedule);
    return schedule;
}

/* The schedule at fraction p of what follows the warm-up. */
typedef double formula(double p);

static double constant(double p) {
    (void)p;
    return 1;
}

static double linear(double p) {
    return 1 - p;
}

static double linear_to_tenth(double p) {
    return 0.1 + 0.9 * (1 - p);
}

static double cosine(double p) {
    return 0.5 * (1 + cos(acos(-1) * p));
}

static double onecycle(double p) {
    return 4e-6 + (1 - 4e-6) * cosine(p);
}

static void expect(const char *text, double warmup, formula *up, formula *down) {
    enum { STEPS = 500 };
    cvy_schedule schedule = parsed(text);
    double rising = warmup * STEPS;
    for (int step = 0; step < STEPS; step++) {
        double wanted = step < rising ? up((step + 1) / rising) : down((step - rising) / (STEPS - rising));
        double factor = cvy_schedule_factor(&schedule, (uint64_t)step, STEPS);
        if (!(fabs(factor - wanted) < 1e-12))
            fail_msg("%s: step %d has factor %.17g, expected %.17g", text, step, factor, wanted);
    }
}

static double rise(double p) {
    return p;
}

static double rise_from_fifth(double p) {
    return 0.2 + 0.8 * p;
}

static double rise_along_cosine(double p) {
    return 0.04 + 0.96 * (1 - cosine(p));
}

TEST(factors_follow_the_formulas) {
    expect("constant", 0, rise, constant);
    expect("constant:warmup=0.5,start=0.2", 0.5, rise_from_fifth, constant);
    expect("linear", 0, rise, linear);
    expect("Linear:WARMUP=1/10", 0.1, rise, linear);
    expect("linear:warmup=0.1,end=0.1", 0.1, rise, linear_to_tenth);
    expect("cosine", 0, rise, cosine);
    expect("cosine:warmup=0.2,start=0.2", 0.2, rise_from_fifth, cosine);
    expect("onecycle", 0.3, rise_along_cosine, onecycle);
}

TEST(pieces_hold_from_their_fraction_on) {
    cvy_schedule schedule = parsed("piecewise:warmup=0.05,0.5=0.1,0.75=0");
    for (uint64_t step = 0; step < 200; step++) {
        double wanted = step < 10 ? (double)(step + 1) / 10 : step < 100 ? 1 : step < 150 ? 0.1 : 0;
        assert_true(cvy_schedule_factor(&schedule, step, 200) == wanted);
    }
}

/* However short the training, every factor is one that means something. */
TEST(short_trainings_have_factors) {
    static const char *const texts[] = {"constant", "linear:warmup=0.1", "cosine:warmup=0.99", "onecycle",
                                        "piecewise:warmup=0.9,0.5=2"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        cvy_schedule schedule = parsed(texts[i]);
        for (uint64_t steps = 1; steps < 30; steps++)
            for (uint64_t step = 0; step < steps; step++) {
                double factor = cvy_schedule_factor(&schedule, step, steps);
                assert_true(factor >= 0 && factor <= 2);
            }
    }
}

TEST(errors_say_what_is_allowed) {
    static const wrong_text wrong[] = {
        {"", "'' is unknown; there are constant, linear, cosine, onecycle, piecewise"},
        {"exponential:warmup=0.1", "'exponential' is unknown"},
        {"linear:", "linear has no setting ''; it has warmup, start, end"},
        {"linear:warmup", "warmup has no value; a number from 0 to less than 1 is expected"},
        {"linear:warmup,end=1", "warmup has no value"},
        {"linear:end=1,end=0", "end is given twice"},
        {"linear:speed=1", "linear has no setting 'speed'; it has warmup, start, end"},
        {"constant:end=1", "constant has no setting 'end'; it has warmup, start"},
        {"linear:warmup=1", "warmup is '1'; a number from 0 to less than 1 is expected"},
        {"linear:end=-1", "end is '-1'; a number of at least 0 is expected"},
        {"linear:end=x", "end is 'x'"},
        {"linear:end=", "end is ''"},
        {"cosine:end=inf", "end is 'inf'"},
        {"piecewise:0.5=0.1,0.5=0.2", "'0.5' begins a piece"},
        {"piecewise:0=0.1", "'0' begins a piece"},
        {"piecewise:1=0.1", "'1' begins a piece"},
        {"piecewise:end=0.1", "'end' begins a piece; warmup, start, or a fraction"},
        {"piecewise:0.5", "piecewise has no setting '0.5'; it has warmup, start"},
        {"piecewise:0.5=-1", "the factor from 0.5 on is '-1'"},
    };
    expect_wrong_texts(parse, sizeof(cvy_schedule), "schedule", wrong, COUNT(wrong), false);
}

RUN_TESTS("schedule", NULL, NULL)
