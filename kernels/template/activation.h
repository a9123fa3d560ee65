/* An activation and its derivative, for the elementwise and the fused kernels. */
#ifndef CVY_TEMPLATE_ACTIVATION_H
#define CVY_TEMPLATE_ACTIVATION_H

#include "elementary.h"
#include "tile.h"

/* y = silu(z) and s = sigmoid(z), of `count` vectors side by side (see EACH). */
TILE_BODY void v_silu_each(const int count, const V *z, V *y, V *s) {
    v_sigmoid_each(count, z, s);
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

#endif
