/* Operations on one element at a time, optimizers, and the machine's peak. */
#include "rows.h"

/* A block's activations after the lesson's second and first convolution, and the parameters of the lesson. */
static const size_t counts[] = {1536, 27648, 9216};
static const char *const count_names[] = {"4x4x6x16 elements", "24x24x3x16 elements", "9216 elements"};

static bool count_name(size_t index, char name[static BENCH_NAME_MAX]) {
    if (index >= sizeof counts / sizeof *counts)
        return false;
    snprintf(name, BENCH_NAME_MAX, "%s", count_names[index]);
    return true;
}

/* ---- Elementwise ------------------------------------------------------------------------------------------------ */

typedef struct vector {
    size_t count;
    float *a, *b, *y, *derivative;
} vector;

static void *make_vector(bench_case *b) {
    vector *d = bench_take(b->memory, sizeof *d);
    d->count = counts[b->index];
    d->a = bench_floats(b->memory, d->count, -4, 4);
    d->b = bench_floats(b->memory, d->count, 0.1f, 4);
    d->y = bench_take(b->memory, d->count * sizeof(float));
    d->derivative = bench_take(b->memory, d->count * sizeof(float));
    return d;
}

static const bench_family vector_family = {count_name, make_vector};

BENCH_ROW(activation_forward, vector, 3 * d->count, CVY_ACT_SILU, d->count, d->a, d->y, d->derivative)
BENCH_ROW(scale, vector, 2 * d->count, d->count, 1.0f / 255, -0.5f, d->a, d->y)
BENCH_ROW(multiply, vector, 3 * d->count, d->count, d->a, d->b, d->y)
BENCH_ROW(add, vector, 3 * d->count, d->count, d->a, d->b, d->y)
BENCH_ROW(exp_f32, vector, 2 * d->count, d->count, d->a, d->y)
BENCH_ROW(log_f32, vector, 2 * d->count, d->count, d->b, d->y)
BENCH_ROW(tanh_f32, vector, 2 * d->count, d->count, d->a, d->y)
BENCH_ROW(sigmoid_f32, vector, 2 * d->count, d->count, d->a, d->y)

/* ---- Optimizers ------------------------------------------------------------------------------------------------- */

typedef struct update {
    size_t count;
    float *gradient, *parameters, *state[3];
    cvy_sgd sgd;
    cvy_rmsprop rmsprop;
    cvy_adam adam;
} update;

static void *make_update(bench_case *b) {
    update *d = bench_take(b->memory, sizeof *d);
    d->count = counts[b->index];
    d->gradient = bench_floats(b->memory, d->count, -0.1f, 0.1f);
    d->parameters = bench_floats(b->memory, d->count, -0.1f, 0.1f);
    for (int i = 0; i < 3; i++)
        d->state[i] = bench_floats(b->memory, d->count, 0.001f, 0.01f);
    /* Keras's defaults, but steps so small that thousands of them do not move the parameters far. */
    d->sgd = (cvy_sgd){.learning_rate = 1e-9f, .momentum = 0.9f};
    d->rmsprop = (cvy_rmsprop){.learning_rate = 1e-9f, .rho = 0.9f, .one_minus_rho = 0.1f, .epsilon = 1e-7f};
    d->adam = (cvy_adam){.alpha = 1e-9f, .one_minus_beta_1 = 0.1f, .one_minus_beta_2 = 0.001f, .epsilon = 1e-7f};
    return d;
}

static const bench_family update_family = {count_name, make_update};

BENCH_ROW(sgd_update, update, 5 * d->count, &d->sgd, d->count, d->gradient, d->state, d->parameters)
BENCH_ROW(rmsprop_update, update, 5 * d->count, &d->rmsprop, d->count, d->gradient, d->state, d->parameters)
BENCH_ROW(adam_update, update, 7 * d->count, &d->adam, d->count, d->gradient, d->state, d->parameters)

BENCH_ROW(ema_update, update, 3 * d->count, 0.001f, d->count, d->parameters, d->state[0])

/* ---- The peak --------------------------------------------------------------------------------------------------- */

enum { PEAK_ROUNDS = 2000 };

typedef struct peak {
    float *result;
} peak;

static bool peak_name(size_t index, char name[static BENCH_NAME_MAX]) {
    snprintf(name, BENCH_NAME_MAX, "%d rounds", PEAK_ROUNDS);
    return index == 0;
}

static void *make_peak(bench_case *b) {
    peak *d = bench_take(b->memory, sizeof *d);
    d->result = bench_take(b->memory, CVY_PEAK_FLOATS * sizeof(float));
    b->flop = 2.0 * PEAK_ROUNDS * CVY_PEAK_FLOATS;
    return d;
}

static const bench_family peak_family = {peak_name, make_peak};

BENCH_ROW(fma_peak, peak, CVY_PEAK_FLOATS, PEAK_ROUNDS, d->result)
