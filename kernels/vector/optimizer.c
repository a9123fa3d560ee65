/* Optimizer updates, with Keras's formulas. g is the gradient and w the parameter throughout. Division and square root
 * bound rmsprop and adam: rmsprop takes 8 cycles a vector on a Zen 5, whether of 8 or 16, as the divider's rate is per
 * vector. Memory bounds sgd. The loops have no dependency from one vector to the next. */
#include <float.h>

#include "tier.h"

/* State that decays towards zero would end among the subnormals, where arithmetic may take a hundred times as long. */
static inline V flush_subnormal(V state) {
    const V magnitude = v_from_bits(vi_and(v_bits(state), vi_set1(INT32_MAX)));
    return v_select(v_lt(magnitude, v_set1(FLT_MIN)), v_zero(), state);
}

/* The exponent bits of an infinity or NaN are all ones, and of no other number. */
static inline VM not_finite(V a) {
    const VI exponent = vi_set1(0x7f800000);
    return vi_eq(vi_and(v_bits(a), exponent), exponent);
}

static inline VM either_not_finite(V g, V w) {
    return m_or(not_finite(g), not_finite(w));
}

static inline V decayed(V w, float decay) {
    return decay > 0.0f ? v_fnma(v_set1(decay), w, w) : w;
}

/* `has_momentum` and `nesterov` are constants where this is inlined; likewise below. */
TILE_BODY int sgd(bool has_momentum, bool nesterov, const cvy_sgd *rule, size_t count, const float *gradient, float *m,
                  float *w) {
    const V rate = v_set1(rule->learning_rate), minus_rate = v_set1(-rule->learning_rate);
    const V momentum = v_set1(rule->momentum);
    VM bad = v_lt(v_zero(), v_zero());
    for (size_t i = 0; i < count; i += VL) {
        const V g = v_load(gradient + i), before = decayed(v_load(w + i), rule->decay);
        V after;
        if (has_momentum) {
            const V step = v_from_bits(vi_xor(v_bits(v_mul(rate, g)), vi_set1(INT32_MIN)));
            const V velocity = v_fma(momentum, v_load(m + i), step);
            after = v_add(before, nesterov ? v_fma(momentum, velocity, step) : velocity);
            v_store(m + i, flush_subnormal(velocity));
        } else {
            after = v_fma(minus_rate, g, before);
        }
        v_store(w + i, after);
        bad = m_or(bad, either_not_finite(g, after));
    }
    return m_any(bad);
}

int KERNEL(sgd_update)(const cvy_sgd *rule, size_t count, const float *gradient, float *const *state,
                       float *parameters) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(gradient) && cvy_is_aligned(parameters));
    if (rule->momentum == 0.0f)
        return sgd(false, false, rule, count, gradient, NULL, parameters);
    assert(cvy_is_aligned(state[0]));
    return rule->nesterov ? sgd(true, true, rule, count, gradient, state[0], parameters)
                          : sgd(true, false, rule, count, gradient, state[0], parameters);
}

/* momentum and mean are NULL where the rule has none. */
TILE_BODY int rmsprop(const cvy_rmsprop *rule, size_t count, const float *gradient, float *square, float *momentum,
                      float *mean, float *w) {
    const V rate = v_set1(rule->learning_rate), epsilon = v_set1(rule->epsilon);
    const V rho = v_set1(rule->rho), one_minus_rho = v_set1(rule->one_minus_rho);
    VM bad = v_lt(v_zero(), v_zero());
    for (size_t i = 0; i < count; i += VL) {
        const V g = v_load(gradient + i);
        const V v = v_fma(v_mul(g, g), one_minus_rho, v_mul(rho, v_load(square + i)));
        V d = v;
        v_store(square + i, flush_subnormal(v));
        if (mean) {
            const V a = v_fma(g, one_minus_rho, v_mul(rho, v_load(mean + i)));
            d = v_fnma(a, a, v);
            v_store(mean + i, flush_subnormal(a));
        }
        V increment = v_div(v_mul(rate, g), v_sqrt(v_add(d, epsilon)));
        if (momentum) {
            increment = v_fma(v_set1(rule->momentum), v_load(momentum + i), increment);
            v_store(momentum + i, flush_subnormal(increment));
        }
        const V after = v_sub(decayed(v_load(w + i), rule->decay), increment);
        v_store(w + i, after);
        bad = m_or(bad, either_not_finite(g, after));
    }
    return m_any(bad);
}

int KERNEL(rmsprop_update)(const cvy_rmsprop *rule, size_t count, const float *gradient, float *const *state,
                           float *parameters) {
    float *momentum = rule->momentum > 0.0f ? state[1] : NULL;
    float *mean = rule->centered ? state[momentum ? 2 : 1] : NULL;
    assert(cvy_is_block_count(count) && cvy_is_aligned(gradient) && cvy_is_aligned(parameters));
    assert(cvy_is_aligned(state[0]) && cvy_is_aligned_or_null(momentum) && cvy_is_aligned_or_null(mean));
    if (!momentum && !mean)
        return rmsprop(rule, count, gradient, state[0], NULL, NULL, parameters);
    return rmsprop(rule, count, gradient, state[0], momentum, mean, parameters);
}

int KERNEL(adam_update)(const cvy_adam *rule, size_t count, const float *gradient, float *const *state,
                        float *parameters) {
    float *first = state[0], *second = state[1], *largest = rule->amsgrad ? state[2] : NULL;
    assert(cvy_is_block_count(count) && cvy_is_aligned(gradient) && cvy_is_aligned(parameters));
    assert(cvy_is_aligned(first) && cvy_is_aligned(second) && cvy_is_aligned_or_null(largest));
    const V alpha = v_set1(rule->alpha), epsilon = v_set1(rule->epsilon);
    const V one_minus_beta_1 = v_set1(rule->one_minus_beta_1), one_minus_beta_2 = v_set1(rule->one_minus_beta_2);
    VM bad = v_lt(v_zero(), v_zero());
    for (size_t i = 0; i < count; i += VL) {
        const V g = v_load(gradient + i), m_before = v_load(first + i), v_before = v_load(second + i);
        V w = decayed(v_load(parameters + i), rule->decay);
        const V m = v_fma(v_sub(g, m_before), one_minus_beta_1, m_before);
        const V minus_v = v_from_bits(vi_xor(v_bits(v_before), vi_set1(INT32_MIN)));
        const V v = v_fma(v_fma(g, g, minus_v), one_minus_beta_2, v_before);
        V h = v;
        if (largest) {
            h = v_max(v_load(largest + i), v);
            v_store(largest + i, flush_subnormal(h));
        }
        v_store(first + i, flush_subnormal(m));
        v_store(second + i, flush_subnormal(v));
        w = v_sub(w, v_div(v_mul(m, alpha), v_add(v_sqrt(h), epsilon)));
        v_store(parameters + i, w);
        bad = m_or(bad, either_not_finite(g, w));
    }
    return m_any(bad);
}

void KERNEL(ema_update)(float one_minus_momentum, size_t count, const float *parameters, float *average) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(parameters) && cvy_is_aligned(average));
    for (size_t i = 0; i < count; i += VL) {
        const V a = v_load(average + i);
        v_store(average + i, v_fma(v_sub(v_load(parameters + i), a), v_set1(one_minus_momentum), a));
    }
}
