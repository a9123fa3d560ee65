/* Operations that take each element by itself. The including file has defined KERNEL(operation) and ACTIVATE_VECTORS,
 * the vectors that an activation takes side by side. */
#include "../contract.h"
#include "activation.h"

void KERNEL(activation_forward_hwc16n)(cvy_activation_kind activation, size_t count, const float *x, float *y,
                                       float *derivative) {
    assert(cvy_is_activation(activation) && cvy_is_block_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(derivative));
    activate(activation, count / VL, VL, x, y, derivative);
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
