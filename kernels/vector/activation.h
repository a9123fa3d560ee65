/* An activation and its derivative, for the elementwise and the fused kernels. */
#ifndef CVY_VECTOR_ACTIVATION_H
#define CVY_VECTOR_ACTIVATION_H

#include "elementary.h"
#include "tier.h"

/* y = silu(z) and s = sigmoid(z), +0 below CVY_SILU_ZERO, of `count` vectors side by side (see EACH). */
TILE_BODY void v_silu_each(const int count, const V *z, V *y, V *s) {
    v_sigmoid_from_each(count, CVY_SILU_ZERO, z, s);
    EACH s[i] = v_select(v_lt(z[i], v_set1(CVY_SILU_ZERO)), v_zero(), s[i]);
    EACH y[i] = v_mul(z[i], s[i]);
}

/* The derivative of silu where it is y and the sigmoid s. */
TILE_BODY void v_silu_derivative_each(const int count, const V *y, const V *s, V *derivative) {
    EACH derivative[i] = v_fma(y[i], v_sub(v_set1(1.0f), s[i]), s[i]);
}

/* y = activation(z) and its derivative, of up to 4 vectors; `activation` and `count` are constants where this is
 * inlined. */
TILE_BODY void v_activate_each(cvy_activation_kind activation, const int count, const V *z, V *y, V *derivative) {
    const V one = v_set1(1.0f);
    V s[4];
    switch (activation) {
    case CVY_ACT_LINEAR:
        EACH y[i] = z[i];
        EACH derivative[i] = one;
        break;
    case CVY_ACT_RELU:
        EACH y[i] = v_max(v_zero(), z[i]);
        EACH derivative[i] = v_select(v_gt(z[i], v_zero()), one, v_zero());
        break;
    case CVY_ACT_SILU:
        v_silu_each(count, z, y, s);
        v_silu_derivative_each(count, y, s, derivative);
        break;
    case CVY_ACT_SIGMOID:
        v_sigmoid_each(count, z, y);
        EACH derivative[i] = v_mul(y[i], v_sub(one, y[i]));
        break;
    case CVY_ACT_TANH:
        EACH y[i] = v_tanh(z[i]);
        EACH derivative[i] = v_fnma(y[i], y[i], one);
        break;
    }
}

/* `count` vectors, a constant number of them, that stand `stride` floats apart. y may be x, derivative may be NULL. */
TILE_BODY void activate_group(cvy_activation_kind activation, const int count, size_t stride, const float *x, float *y,
                              float *derivative) {
    V z[4], value[4], slope[4];
    EACH z[i] = v_loadu(x + i * stride);
    v_activate_each(activation, count, z, value, slope);
    EACH v_storeu(y + i * stride, value[i]);
    if (derivative)
        EACH v_storeu(derivative + i * stride, slope[i]);
}

TILE_BODY void activate_run(cvy_activation_kind activation, size_t count, size_t stride, const float *x, float *y,
                            float *derivative) {
    const size_t group = ACTIVATION_VECTORS * stride, whole = count / ACTIVATION_VECTORS * group, end = count * stride;
    size_t at = 0;
    for (; at < whole; at += group)
        activate_group(activation, ACTIVATION_VECTORS, stride, x + at, y + at, derivative ? derivative + at : NULL);
    for (; at < end; at += stride)
        activate_group(activation, 1, stride, x + at, y + at, derivative ? derivative + at : NULL);
}

/* y = activation(x) and its derivative, of `count` vectors that stand `stride` floats apart. */
static inline void activate(cvy_activation_kind activation, size_t count, size_t stride, const float *x, float *y,
                            float *derivative) {
    switch (activation) {
    case CVY_ACT_LINEAR:
        activate_run(CVY_ACT_LINEAR, count, stride, x, y, derivative);
        break;
    case CVY_ACT_RELU:
        activate_run(CVY_ACT_RELU, count, stride, x, y, derivative);
        break;
    case CVY_ACT_SILU:
        activate_run(CVY_ACT_SILU, count, stride, x, y, derivative);
        break;
    case CVY_ACT_SIGMOID:
        activate_run(CVY_ACT_SIGMOID, count, stride, x, y, derivative);
        break;
    case CVY_ACT_TANH:
        activate_run(CVY_ACT_TANH, count, stride, x, y, derivative);
        break;
    }
}

#endif
