/* Operations that take each element by itself. */
#include "../contract.h"
#include "activation.h"

/* One loop an activation: `activation` is a constant where this is inlined. Each vector is a chain of its own, so that
 * out-of-order execution overlaps them. */
TILE_BODY void activate_all(cvy_activation_kind activation, size_t count, const float *x, float *y, float *derivative) {
    for (size_t i = 0; i < count; i += VL) {
        V slope;
        v_store(y + i, v_activate(activation, v_load(x + i), &slope));
        if (derivative)
            v_store(derivative + i, slope);
    }
}

void KERNEL(activation_forward_hwc16n)(cvy_activation_kind activation, size_t count, const float *x, float *y,
                                       float *derivative) {
    assert(cvy_is_activation(activation) && cvy_is_block_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(derivative));
    switch (activation) {
    case CVY_ACT_LINEAR:
        activate_all(CVY_ACT_LINEAR, count, x, y, derivative);
        break;
    case CVY_ACT_RELU:
        activate_all(CVY_ACT_RELU, count, x, y, derivative);
        break;
    case CVY_ACT_SILU:
        activate_all(CVY_ACT_SILU, count, x, y, derivative);
        break;
    case CVY_ACT_SIGMOID:
        activate_all(CVY_ACT_SIGMOID, count, x, y, derivative);
        break;
    case CVY_ACT_TANH:
        activate_all(CVY_ACT_TANH, count, x, y, derivative);
        break;
    }
}

void KERNEL(scale_hwc16n)(size_t count, float scale, float offset, const float *x, float *y) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(x) && cvy_is_aligned(y));
    for (size_t i = 0; i < count; i += VL)
        v_store(y + i, v_fma(v_load(x + i), v_set1(scale), v_set1(offset)));
}

void KERNEL(multiply_hwc16n)(size_t count, const float *a, const float *b, float *y) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(a) && cvy_is_aligned(b) && cvy_is_aligned(y));
    for (size_t i = 0; i < count; i += VL)
        v_store(y + i, v_mul(v_load(a + i), v_load(b + i)));
}

void KERNEL(add_hwc16n)(size_t count, const float *a, const float *b, float *sum) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(a) && cvy_is_aligned(b) && cvy_is_aligned(sum));
    for (size_t i = 0; i < count; i += VL)
        v_store(sum + i, v_add(v_load(a + i), v_load(b + i)));
}
