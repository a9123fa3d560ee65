/* An activation and its derivative, for the elementwise and the fused kernels. */
#ifndef CVY_TEMPLATE_ACTIVATION_H
#define CVY_TEMPLATE_ACTIVATION_H

#include "elementary.h"
#include "tile.h"

/* silu(z), and s = sigmoid(z). */
static inline V v_silu(V z, V *s) {
    *s = v_sigmoid(z);
    return v_mul(z, *s);
}

/* The derivative of silu where it is v and the sigmoid s. */
static inline V v_silu_derivative(V v, V s) {
    return v_fma(v, v_sub(v_set1(1.0f), s), s);
}

/* activation(z) and its derivative; `activation` is a constant where this is inlined. */
TILE_BODY V v_activate(cvy_activation_kind activation, V z, V *derivative) {
    const V one = v_set1(1.0f);
    V y = z, s;
    *derivative = one;
    switch (activation) {
    case CVY_ACT_LINEAR:
        break;
    case CVY_ACT_RELU:
        y = v_max(v_zero(), z);
        *derivative = v_select(v_gt(z, v_zero()), one, v_zero());
        break;
    case CVY_ACT_SILU:
        y = v_silu(z, &s);
        *derivative = v_silu_derivative(y, s);
        break;
    case CVY_ACT_SIGMOID:
        y = v_sigmoid(z);
        *derivative = v_mul(y, v_sub(one, y));
        break;
    case CVY_ACT_TANH:
        y = v_tanh(z);
        *derivative = v_fnma(y, y, one);
        break;
    }
    return y;
}

#endif
