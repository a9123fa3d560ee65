/* Optimizers: the text that chooses one, its defaults and counts, and its steps against a double-precision reference.
 */
#include "suite.h"
#include "texts.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "../../src/base/memory.h"
#include "../../src/base/random.h"
#include "../../src/train/optimizer.h"

/* ---- Settings --------------------------------------------------------------------------------------------------- */

static bool parse(const char *text, void *settings, cvy_status *status) {
    return cvy_optimizer_parse(text, settings, status);
}

static cvy_optimizer_settings parsed(const char *text) {
    cvy_optimizer_settings settings;
    parse_or_fail(parse, text, &settings);
    return settings;
}

static void expect_settings(const char *text, cvy_optimizer_settings e) {
    cvy_optimizer_settings s = parsed(text);
    assert_int_equal(s.kind, e.kind);
    assert_true(s.learning_rate == e.learning_rate);
    assert_true(s.momentum == e.momentum);
    assert_int_equal(s.nesterov, e.nesterov);
    assert_true(s.rho == e.rho);
    assert_int_equal(s.centered, e.centered);
    assert_true(s.beta_1 == e.beta_1 && s.beta_2 == e.beta_2);
    assert_int_equal(s.amsgrad, e.amsgrad);
    assert_true(s.epsilon == e.epsilon);
    assert_true(s.weight_decay == e.weight_decay);
    assert_int_equal(s.use_ema, e.use_ema);
    assert_true(s.ema_momentum == (e.ema_momentum ? e.ema_momentum : 0.99)); /* Keras's default */
}

TEST(defaults_of_keras) {
    expect_settings("sgd", (cvy_optimizer_settings){.kind = CVY_SGD, .learning_rate = 0.01});
    expect_settings("rmsprop",
                    (cvy_optimizer_settings){.kind = CVY_RMSPROP, .learning_rate = 0.001, .rho = 0.9, .epsilon = 1e-7});
    cvy_optimizer_settings adam = {
        .kind = CVY_ADAM, .learning_rate = 0.001, .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-7};
    expect_settings("adam", adam);
    adam.kind = CVY_ADAMW;
    adam.weight_decay = 0.004;
    expect_settings("adamw", adam);
}

TEST(names_in_any_case) {
    for (int kind = CVY_SGD; kind <= CVY_ADAMW; kind++)
        assert_int_equal(parsed(cvy_optimizer_name((cvy_optimizer_kind)kind)).kind, kind);
    assert_string_equal(cvy_optimizer_name(CVY_SGD), "SGD");
    assert_string_equal(cvy_optimizer_name(CVY_RMSPROP), "RMSprop");
    assert_string_equal(cvy_optimizer_name(CVY_ADAM), "Adam");
    assert_string_equal(cvy_optimizer_name(CVY_ADAMW), "AdamW");
}

TEST(given_settings) {
    expect_settings("sgd:lr=0.1,momentum=0.9",
                    (cvy_optimizer_settings){.kind = CVY_SGD, .learning_rate = 0.1, .momentum = 0.9});
    expect_settings("sgd:learning_rate=1e-2,nesterov,momentum=1",
                    (cvy_optimizer_settings){.kind = CVY_SGD, .learning_rate = 0.01, .momentum = 1, .nesterov = true});
    expect_settings("sgd:nesterov=false", (cvy_optimizer_settings){.kind = CVY_SGD, .learning_rate = 0.01});
    expect_settings("RMSprop:rho=0,epsilon=0,centered=True,momentum=.5",
                    (cvy_optimizer_settings){
                        .kind = CVY_RMSPROP, .learning_rate = 0.001, .rho = 0, .momentum = 0.5, .centered = true});
    expect_settings(
        "sgd:weight_decay=0.1,use_ema,ema_momentum=0.5",
        (cvy_optimizer_settings){
            .kind = CVY_SGD, .learning_rate = 0.01, .weight_decay = 0.1, .use_ema = true, .ema_momentum = 0.5});
    expect_settings("adamw:weight_decay=0,beta_1=0,beta_2=0.99,amsgrad,epsilon=1",
                    (cvy_optimizer_settings){
                        .kind = CVY_ADAMW, .learning_rate = 0.001, .beta_2 = 0.99, .amsgrad = true, .epsilon = 1});
}

TEST(errors_name_what_is_wrong) {
    static const wrong_text wrong[] = {
        {"", "'' is unknown; there are SGD, RMSprop, Adam, AdamW"},
        {"adagrad:lr=1", "'adagrad' is unknown; there are SGD, RMSprop, Adam, AdamW"},
        {"adamwx", "'adamwx' is unknown; there are SGD, RMSprop, Adam, AdamW"},
        {"ada", "'ada' is unknown; there are SGD, RMSprop, Adam, AdamW"},
        {"sgd:rho=0.9", "SGD has no setting 'rho'; it has learning_rate, momentum, nesterov, weight_decay, use_ema, "
                        "ema_momentum"},
        {"rmsprop:beta_1=0", "RMSprop has no setting 'beta_1'; it has learning_rate, rho, momentum, epsilon, centered, "
                             "weight_decay, use_ema, ema_momentum"},
        {"adam:rho=0.1", "Adam has no setting 'rho'; it has learning_rate, beta_1, beta_2, epsilon, amsgrad, "
                         "weight_decay, use_ema, ema_momentum"},
        {"adamw:momentum=0.1",
         "AdamW has no setting 'momentum'; it has learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, "
         "use_ema, ema_momentum"},
        {"sgd:", "SGD has no setting ''; it has learning_rate, momentum, nesterov, weight_decay, use_ema, "
                 "ema_momentum"},
        {"sgd:lr=1,", "SGD has no setting ''; it has learning_rate, momentum, nesterov, weight_decay, use_ema, "
                      "ema_momentum"},
        {"sgd:=1", "SGD has no setting ''; it has learning_rate, momentum, nesterov, weight_decay, use_ema, "
                   "ema_momentum"},
        {"sgd:l=1", "SGD has no setting 'l'; it has learning_rate, momentum, nesterov, weight_decay, use_ema, "
                    "ema_momentum"},
        {"sgd:lr", "learning_rate has no value; a number above 0 is expected"},
        {"sgd:lr=", "learning_rate is ''; a number above 0 is expected"},
        {"sgd:lr=0", "learning_rate is '0'; a number above 0 is expected"},
        {"sgd:lr=-0.1", "learning_rate is '-0.1'; a number above 0 is expected"},
        {"sgd:lr=nan", "learning_rate is 'nan'; a number above 0 is expected"},
        {"sgd:lr=inf", "learning_rate is 'inf'; a number above 0 is expected"},
        {"sgd:lr=1e39", "learning_rate is '1e39'; a number above 0 is expected"}, /* no float */
        {"sgd:lr=1e-50", "learning_rate is '1e-50'; a number above 0 is expected"},
        {"sgd:lr=0.1x", "learning_rate is '0.1x'; a number above 0 is expected"},
        {"sgd:lr= 0.1", "learning_rate is ' 0.1'; a number above 0 is expected"},
        {"sgd:lr=0.1=2", "learning_rate is '0.1=2'; a number above 0 is expected"},
        {"sgd:lr=1,learning_rate=1", "learning_rate is given twice"},
        {"sgd:momentum=1.1", "momentum is '1.1'; a number from 0 to 1 is expected"},
        {"sgd:momentum=-0.1", "momentum is '-0.1'; a number from 0 to 1 is expected"},
        {"sgd:momentum=nan", "momentum is 'nan'; a number from 0 to 1 is expected"},
        {"sgd:nesterov=yes", "nesterov is 'yes'; true or false is expected"},
        {"rmsprop:rho=1", "rho is '1'; a number from 0 to less than 1 is expected"},
        {"rmsprop:epsilon=-1e-7", "epsilon is '-1e-7'; a number of at least 0 is expected"},
        {"rmsprop:epsilon=nan", "epsilon is 'nan'; a number of at least 0 is expected"},
        {"adam:beta_2=1", "beta_2 is '1'; a number from 0 to less than 1 is expected"},
        {"adam:beta_1=-0.5", "beta_1 is '-0.5'; a number from 0 to less than 1 is expected"},
        {"adamw:weight_decay=inf", "weight_decay is 'inf'; a number of at least 0 is expected"},
    };
    expect_wrong_texts(parse, sizeof(cvy_optimizer_settings), "optimizer", wrong, COUNT(wrong), true);
}

TEST(create_checks_ranges) {
    cvy_optimizer_settings settings = parsed("adam");
    settings.learning_rate = INFINITY;
    cvy_optimizer optimizer;
    cvy_status status = {0};
    assert_false(cvy_optimizer_create(&optimizer, &settings, 16, &status));
    assert_int_equal(status.code, CVY_USAGE);
    assert_string_equal(status.what, "learning_rate is inf; a number above 0 is expected");
    cvy_optimizer_destroy(&optimizer); /* harmless */

    status = (cvy_status){0};
    settings = parsed("adam");
    assert_false(cvy_optimizer_create(&optimizer, &settings, SIZE_MAX / 2, &status));
    assert_int_equal(status.code, CVY_FAILED);
}

/* Keras counts its iteration and its learning rate; the lesson has 9,532 parameters. */
TEST(slots_and_parameters) {
    static const struct {
        const char *text;
        int slots;
    } cases[] = {
        {"sgd", 0},
        {"sgd:nesterov", 0},
        {"sgd:momentum=0.9", 1},
        {"rmsprop", 1},
        {"adam", 2},
        {"rmsprop:momentum=0.1", 2},
        {"rmsprop:centered", 2},
        {"rmsprop:centered,momentum=0.1", 3},
        {"sgd:use_ema", 1},
        {"adam:use_ema,amsgrad", 4},
        {"adamw", 2},
        {"adam:amsgrad", 3},
        {"adamw:amsgrad=true", 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cvy_optimizer_settings settings = parsed(cases[i].text);
        assert_int_equal(cvy_optimizer_slots(&settings), cases[i].slots);
        assert_int_equal(cvy_optimizer_parameters(&settings, 9532), 9532 * cases[i].slots + 2);
    }
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

enum { FLOATS = 160, STEPS = 50 };

static const cvy_kernels kernels = {
    .sgd_update = cvy_sgd_update_scalar,
    .rmsprop_update = cvy_rmsprop_update_scalar,
    .adam_update = cvy_adam_update_scalar,
    .ema_update = cvy_ema_update_scalar,
};

/* One parameter in double: Keras's formulas, written out with beta to the power of t. */
typedef struct reference {
    double w, m, v, a, h;
} reference;

static void step_sgd(const cvy_optimizer_settings *s, double g, reference *r) {
    r->w -= s->weight_decay * s->learning_rate * r->w;
    if (s->momentum == 0) {
        r->w -= s->learning_rate * g;
        return;
    }
    r->m = s->momentum * r->m - s->learning_rate * g;
    r->w += s->nesterov ? s->momentum * r->m - s->learning_rate * g : r->m;
}

static void step_rmsprop(const cvy_optimizer_settings *s, double g, reference *r) {
    r->w -= s->weight_decay * s->learning_rate * r->w;
    r->v = s->rho * r->v + (1 - s->rho) * g * g;
    r->a = s->rho * r->a + (1 - s->rho) * g;
    assert_true(!s->centered || r->v - r->a * r->a > 0.01 * r->v); /* check_steps counts on it */
    double increment = s->learning_rate * g / sqrt(r->v - (s->centered ? r->a * r->a : 0) + s->epsilon);
    r->m = s->momentum * r->m + increment;
    r->w -= r->m;
}

static void step_adam(const cvy_optimizer_settings *s, int t, double g, reference *r) {
    r->w -= s->weight_decay * s->learning_rate * r->w;
    r->m = s->beta_1 * r->m + (1 - s->beta_1) * g;
    r->v = s->beta_2 * r->v + (1 - s->beta_2) * g * g;
    r->h = s->amsgrad ? fmax(r->h, r->v) : r->v;
    double beta_1 = (float)s->beta_1, beta_2 = (float)s->beta_2; /* of the powers, as Keras has it */
    double alpha = s->learning_rate * sqrt(1 - pow(beta_2, t)) / (1 - pow(beta_1, t));
    r->w -= r->m * alpha / (sqrt(r->h) + s->epsilon);
}

static void step(const cvy_optimizer_settings *s, int t, double g, reference *r) {
    if (s->kind == CVY_SGD)
        step_sgd(s, g, r);
    else if (s->kind == CVY_RMSPROP)
        step_rmsprop(s, g, r);
    else
        step_adam(s, t, g, r);
}

static float uniform(uint64_t seed, uint32_t step, uint64_t index) {
    return 2 * cvy_random_unit(cvy_random_at(seed, CVY_RANDOM_INIT, step, index).u[0]) - 1;
}

/* Gradients of several magnitudes, drawn around a mean that differs from parameter to parameter. */
static float gradient_at(int t, size_t i) {
    return (uniform(7, (uint32_t)t, i) + 0.5f * uniform(8, 0, i)) * (i % 3 == 0 ? 1.0f : i % 3 == 1 ? 0.01f : 30.0f);
}

/* Runs STEPS steps, the parameters cut into two slices at `cut`. */
static void run_steps(const char *text, size_t cut, float parameters[FLOATS]) {
    cvy_optimizer_settings settings = parsed(text);
    cvy_optimizer optimizer;
    cvy_status status = {0};
    assert_true(cvy_optimizer_create(&optimizer, &settings, FLOATS, &status));
    _Alignas(64) float gradient[FLOATS];
    for (int t = 1; t <= STEPS; t++) {
        for (size_t i = 0; i < FLOATS; i++)
            gradient[i] = gradient_at(t, i);
        cvy_optimizer_begin(&optimizer, optimizer.settings.learning_rate);
        assert_int_equal(optimizer.step, t);
        assert_true(cvy_optimizer_update(&optimizer, &kernels, 0, cut, gradient, parameters));
        assert_true(cvy_optimizer_update(&optimizer, &kernels, cut, FLOATS - cut, gradient, parameters));
    }
    cvy_optimizer_destroy(&optimizer);
}

/* A step moves a parameter by d and rounds a handful of times: in d, relative to it, and in the sum w + d, relative to
 * w. State averages its own rounding errors with the weight of the past, 1 / (1 - rho) steps of it, and centering
 * cancels v - a * a, which here is never less than a hundredth of v. With u = 2^-24, ten roundings a step in d, the
 * past counted as long as there are steps, bounds the error after n steps by u * (sum |w_t| + 10 n sum |d_t|), with a
 * hundred more roundings' worth for centering. */
static void check_steps(const char *text) {
    cvy_optimizer_settings settings = parsed(text);
    _Alignas(64) float parameters[FLOATS];
    reference expected[FLOATS] = {{0}};
    double moved = 0;
    for (size_t i = 0; i < FLOATS; i++)
        expected[i].w = parameters[i] = uniform(9, 0, i);
    run_steps(text, 64, parameters);
    for (size_t i = 0; i < FLOATS; i++) {
        double w_sum = 0, d_sum = 0;
        for (int t = 1; t <= STEPS; t++) {
            double before = expected[i].w;
            step(&settings, t, gradient_at(t, i), &expected[i]);
            w_sum += fabs(expected[i].w);
            d_sum += fabs(expected[i].w - before);
        }
        double bound = FLT_EPSILON / 2 * (w_sum + 10 * STEPS * (settings.centered ? 100 : 1) * d_sum);
        double error = fabs(parameters[i] - expected[i].w);
        if (!(error <= bound))
            fail_msg("%s: parameter %zu is %.9g, expected %.9g: off by %.3g, bound %.3g", text, i,
                     (double)parameters[i], expected[i].w, error, bound);
        moved += d_sum;
    }
    assert_true(moved > 1e-3 * FLOATS);
}

static const char *const rules[] = {
    "sgd",
    "sgd:lr=0.1,momentum=0.9",
    "sgd:momentum=0.5,nesterov",
    "rmsprop",
    "rmsprop:lr=0.01,rho=0.5,epsilon=1e-3",
    "rmsprop:momentum=0.9",
    "rmsprop:centered",
    "rmsprop:centered,momentum=0.9",
    "adam",
    "adam:beta_1=0.5,beta_2=0.9,epsilon=1e-4",
    "adam:amsgrad,beta_2=0.5",
    "adamw",
    "adamw:lr=0.01,weight_decay=0.1,amsgrad",
    "sgd:lr=0.1,weight_decay=0.01",
    "sgd:lr=0.1,momentum=0.9,weight_decay=0.1",
    "rmsprop:momentum=0.9,weight_decay=1",
    "adam:weight_decay=0.5",
};

TEST(steps_follow_the_formulas) {
    for (size_t i = 0; i < COUNT(rules); i++)
        check_steps(rules[i]);
}

TEST(slices_do_not_matter) {
    for (size_t i = 0; i < COUNT(rules); i++) {
        _Alignas(64) float a[FLOATS], b[FLOATS];
        for (size_t j = 0; j < FLOATS; j++)
            a[j] = b[j] = uniform(9, 0, j);
        run_steps(rules[i], 16, a);
        run_steps(rules[i], 144, b);
        assert_memory_equal(a, b, sizeof a);
    }
}

/* The average begins with the first step's parameters; finishing puts it in their place, and only then. */
TEST(averages_follow_the_formula) {
    cvy_optimizer optimizer;
    cvy_status status = {0};
    cvy_optimizer_settings settings = parsed("adam:lr=0.01,use_ema,ema_momentum=0.75");
    _Alignas(64) float plain[FLOATS], parameters[FLOATS], gradient[FLOATS], average[FLOATS] = {0};
    for (size_t i = 0; i < FLOATS; i++)
        plain[i] = parameters[i] = uniform(9, 0, i);
    run_steps("adam:lr=0.01", 64, plain);

    assert_true(cvy_optimizer_create(&optimizer, &settings, FLOATS, &status));
    cvy_optimizer_finish(&optimizer, FLOATS, parameters); /* nothing to average yet */
    for (int t = 1; t <= STEPS; t++) {
        for (size_t i = 0; i < FLOATS; i++)
            gradient[i] = gradient_at(t, i);
        cvy_optimizer_begin(&optimizer, 0.01);
        assert_true(cvy_optimizer_update(&optimizer, &kernels, 0, FLOATS, gradient, parameters));
        for (size_t i = 0; i < FLOATS; i++)
            average[i] = t == 1 ? parameters[i] : fmaf(parameters[i] - average[i], 0.25f, average[i]);
    }
    assert_memory_equal(parameters, plain, sizeof plain);
    assert_memory_not_equal(average, plain, sizeof plain);
    cvy_optimizer_finish(&optimizer, FLOATS, parameters);
    assert_memory_equal(parameters, average, sizeof average);
    cvy_optimizer_destroy(&optimizer);
}

/* The rules' numbers are computed in double and rounded once. */
TEST(rules_round_once) {
    cvy_optimizer optimizer;
    cvy_status status = {0};
    cvy_optimizer_settings settings = parsed("rmsprop:lr=0.1,rho=0.9,momentum=0.3,centered");
    assert_true(cvy_optimizer_create(&optimizer, &settings, 16, &status));
    cvy_optimizer_begin(&optimizer, optimizer.settings.learning_rate);
    assert_true(optimizer.rule.rmsprop.learning_rate == 0.1f);
    assert_true(optimizer.rule.rmsprop.rho == 0.9f);
    assert_true(optimizer.rule.rmsprop.one_minus_rho == (float)(1 - 0.9)); /* not 1 - 0.9f */
    assert_true(optimizer.rule.rmsprop.momentum == 0.3f);
    assert_true(optimizer.rule.rmsprop.epsilon == 1e-7f);
    assert_int_equal(optimizer.rule.rmsprop.centered, 1);
    cvy_optimizer_destroy(&optimizer);

    settings = parsed("adamw");
    assert_true(cvy_optimizer_create(&optimizer, &settings, 16, &status));
    double power_1 = 1, power_2 = 1;
    for (int t = 1; t <= 1000; t++) {
        cvy_optimizer_begin(&optimizer, optimizer.settings.learning_rate);
        power_1 *= 0.9f; /* of the rounded betas, as Keras has it */
        power_2 *= 0.999f;
        assert_true(optimizer.rule.adam.alpha == (float)(0.001 * sqrt(1 - power_2) / (1 - power_1)));
    }
    assert_true(optimizer.beta_1_power == power_1 && optimizer.beta_2_power == power_2);
    assert_true(fabs(power_2 - pow(0.999f, 1000)) < 1e-12);
    assert_true(optimizer.rule.adam.one_minus_beta_1 == (float)(1 - 0.9));
    assert_true(optimizer.rule.adam.one_minus_beta_2 == (float)(1 - 0.999));
    assert_true(optimizer.rule.adam.decay == (float)(0.001 * 0.004));
    cvy_optimizer_destroy(&optimizer);
}

TEST(infinite_gradients_are_reported) {
    static const char *const each[] = {"sgd", "rmsprop", "adam", "adamw"};
    for (size_t i = 0; i < COUNT(each); i++) {
        cvy_optimizer optimizer;
        cvy_status status = {0};
        cvy_optimizer_settings settings = parsed(each[i]);
        _Alignas(64) float gradient[32] = {0}, parameters[32] = {0};
        assert_true(cvy_optimizer_create(&optimizer, &settings, 32, &status));
        cvy_optimizer_begin(&optimizer, optimizer.settings.learning_rate);
        gradient[17] = INFINITY;
        assert_true(cvy_optimizer_update(&optimizer, &kernels, 0, 16, gradient, parameters));
        assert_false(cvy_optimizer_update(&optimizer, &kernels, 16, 16, gradient, parameters));
        cvy_optimizer_destroy(&optimizer);
    }
}

RUN_TESTS("optimizer", NULL, NULL)
