/* An activation and its derivative at one point, for the elementwise and the fused kernels. */
#ifndef CVY_SCALAR_ACTIVATION_H
#define CVY_SCALAR_ACTIVATION_H

#include "../kernels.h"
#include "vec.h"

#include "../vector/elementary.h"

/* activation(z), and its derivative at z. */
static inline float activate(cvy_activation_kind activation, float z, float *derivative) {
    switch (activation) {
    case CVY_ACT_RELU:
        *derivative = z > 0.0f ? 1.0f : 0.0f;
        return 0.0f > z ? 0.0f : z; /* a NaN passes */
    case CVY_ACT_SILU: {
        const float s = z < CVY_SILU_ZERO ? 0.0f : v_sigmoid(z);
        const float v = z * s;
        *derivative = fmaf(v, 1.0f - s, s);
        return v;
    }
    case CVY_ACT_SIGMOID: {
        const float s = v_sigmoid(z);
        *derivative = s * (1.0f - s);
        return s;
    }
    case CVY_ACT_TANH: {
        const float t = v_tanh(z);
        *derivative = fmaf(-t, t, 1.0f);
        return t;
    }
    case CVY_ACT_LINEAR:
        break;
    }
    *derivative = 1.0f;
    return z;
}

#endif
