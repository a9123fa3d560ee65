/* Optimizer updates, with Keras's formulas. g is the gradient and w the parameter throughout. */
#include <float.h>
#include <math.h>

#include "../contract.h"

/* State that decays towards zero would end among the subnormals, where arithmetic may take a hundred times as long. */
static float flush_subnormal(float state) {
    return fabsf(state) < FLT_MIN ? 0.0f : state;
}

static float decayed(float w, float decay) {
    return decay > 0.0f ? fmaf(-decay, w, w) : w;
}

int cvy_sgd_update_scalar(const cvy_sgd *rule, size_t count, const float *gradient, float *const *state,
                          float *parameters) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(gradient) && cvy_is_aligned(parameters));
    assert(rule->momentum == 0.0f || cvy_is_aligned(state[0]));
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i];
        float w = decayed(parameters[i], rule->decay);
        if (rule->momentum == 0.0f) {
            w = fmaf(-rule->learning_rate, g, w);
        } else {
            const float step = -(rule->learning_rate * g);
            const float m = fmaf(rule->momentum, state[0][i], step);
            w = w + (rule->nesterov ? fmaf(rule->momentum, m, step) : m);
            state[0][i] = flush_subnormal(m);
        }
        parameters[i] = w;
        finite = finite && isfinite(g) && isfinite(w);
    }
    return !finite;
}

int cvy_rmsprop_update_scalar(const cvy_rmsprop *rule, size_t count, const float *gradient, float *const *state,
                              float *parameters) {
    float *square = state[0];                                      /* v */
    float *momentum = rule->momentum > 0.0f ? state[1] : NULL;     /* m */
    float *mean = rule->centered ? state[momentum ? 2 : 1] : NULL; /* a */
    assert(cvy_is_block_count(count) && cvy_is_aligned(gradient) && cvy_is_aligned(parameters));
    assert(cvy_is_aligned(square) && cvy_is_aligned_or_null(momentum) && cvy_is_aligned_or_null(mean));
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i];
        const float v = fmaf(g * g, rule->one_minus_rho, rule->rho * square[i]);
        float d = v;
        square[i] = flush_subnormal(v);
        if (mean) {
            const float a = fmaf(g, rule->one_minus_rho, rule->rho * mean[i]);
            d = fmaf(-a, a, v);
            mean[i] = flush_subnormal(a);
        }
        float increment = rule->learning_rate * g / sqrtf(d + rule->epsilon);
        if (momentum) {
            increment = fmaf(rule->momentum, momentum[i], increment);
            momentum[i] = flush_subnormal(increment);
        }
        parameters[i] = decayed(parameters[i], rule->decay) - increment;
        finite = finite && isfinite(g) && isfinite(parameters[i]);
    }
    return !finite;
}

int cvy_adam_update_scalar(const cvy_adam *rule, size_t count, const float *gradient, float *const *state,
                           float *parameters) {
    float *first_moment = state[0], *second_moment = state[1];
    float *largest = rule->amsgrad ? state[2] : NULL; /* h */
    assert(cvy_is_block_count(count) && cvy_is_aligned(gradient) && cvy_is_aligned(parameters));
    assert(cvy_is_aligned(first_moment) && cvy_is_aligned(second_moment) && cvy_is_aligned_or_null(largest));
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i];
        float w = decayed(parameters[i], rule->decay);
        const float m = fmaf(g - first_moment[i], rule->one_minus_beta_1, first_moment[i]);
        const float v = fmaf(fmaf(g, g, -second_moment[i]), rule->one_minus_beta_2, second_moment[i]);
        float h = v;
        if (largest) {
            h = largest[i] > v ? largest[i] : v;
            largest[i] = flush_subnormal(h);
        }
        first_moment[i] = flush_subnormal(m);
        second_moment[i] = flush_subnormal(v);
        w = w - m * rule->alpha / (sqrtf(h) + rule->epsilon);
        parameters[i] = w;
        finite = finite && isfinite(g) && isfinite(w);
    }
    return !finite;
}

void cvy_ema_update_scalar(float one_minus_momentum, size_t count, const float *parameters, float *average) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(parameters) && cvy_is_aligned(average));
    for (size_t i = 0; i < count; i++)
        average[i] = fmaf(parameters[i] - average[i], one_minus_momentum, average[i]);
}
