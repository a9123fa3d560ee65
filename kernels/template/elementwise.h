/* Operations that take each element by itself. The including file has defined KERNEL(operation) and ACTIVATE_VECTORS,
 * the vectors that an activation takes side by side. */
#include "../contract.h"
#include "activation.h"

/* `count` vectors, a constant number of them. y may be x, derivative may be NULL. */
TILE_BODY void activate_group(cvy_activation_kind activation, const int count, const float *x, float *y,
                              float *derivative) {
    V z[4], value[4], slope[4];
    EACH z[i] = v_load(x + i * VL);
    v_activate_each(activation, count, z, value, slope);
    EACH v_store(y + i * VL, value[i]);
    if (derivative)
        EACH v_store(derivative + i * VL, slope[i]);
}

/* One loop an activation: `activation` is a constant where this is inlined. */
TILE_BODY void activate(cvy_activation_kind activation, size_t count, const float *x, float *y, float *derivative) {
    size_t i = 0;
    for (; i + ACTIVATE_VECTORS * VL <= count; i += ACTIVATE_VECTORS * VL)
        activate_group(activation, ACTIVATE_VECTORS, x + i, y + i, derivative ? derivative + i : NULL);
    for (; i < count; i += VL)
        activate_group(activation, 1, x + i, y + i, derivative ? derivative + i : NULL);
}

void KERNEL(activation_forward_hwc16n)(cvy_activation_kind activation, size_t count, const float *x, float *y,
                                       float *derivative) {
    assert(cvy_is_activation(activation) && cvy_is_block_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(derivative));
    switch (activation) {
    case CVY_ACT_LINEAR:
        activate(CVY_ACT_LINEAR, count, x, y, derivative);
        break;
    case CVY_ACT_RELU:
        activate(CVY_ACT_RELU, count, x, y, derivative);
        break;
    case CVY_ACT_SILU:
        activate(CVY_ACT_SILU, count, x, y, derivative);
        break;
    case CVY_ACT_SIGMOID:
        activate(CVY_ACT_SIGMOID, count, x, y, derivative);
        break;
    case CVY_ACT_TANH:
        activate(CVY_ACT_TANH, count, x, y, derivative);
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
