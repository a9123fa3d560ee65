/* Operations that take each element by itself, in arrays of any length and layout. Memory
 * bounds all but the activations. */
#include "activation.h"
#include "tier.h"

/* Fewer elements than a vector has. */
static void activate_first(cvy_activation_kind activation, int count, const float *x, float *y, float *derivative) {
    float value[VL], slope[VL];
    v_storeu(value, v_load_first(x, count));
    activate(activation, 1, VL, value, value, slope);
    v_store_first(y, v_loadu(value), count);
    if (derivative)
        v_store_first(derivative, v_loadu(slope), count);
}

void KERNEL(activation_forward)(cvy_activation_kind activation, size_t count, const float *x, float *y,
                                float *derivative) {
    assert(cvy_is_activation(activation) && cvy_is_array(count, x) && cvy_is_array(count, y));
    assert(cvy_is_float_aligned_or_null(derivative));
    const size_t whole = count / VL * VL;
    activate(activation, count / VL, VL, x, y, derivative);
    if (whole < count)
        activate_first(activation, (int)(count - whole), x + whole, y + whole, derivative ? derivative + whole : NULL);
}

void KERNEL(scale)(size_t count, float scale, float offset, const float *x, float *y) {
    assert(cvy_is_array(count, x) && cvy_is_array(count, y));
    const V factor = v_set1(scale), addend = v_set1(offset);
    size_t i = 0;
    for (; i + VL <= count; i += VL)
        v_storeu(y + i, v_fma(v_loadu(x + i), factor, addend));
    const int rest = (int)(count - i);
    if (rest > 0)
        v_store_first(y + i, v_fma(v_load_first(x + i, rest), factor, addend), rest);
}

void KERNEL(multiply)(size_t count, const float *a, const float *b, float *y) {
    assert(cvy_is_array(count, a) && cvy_is_array(count, b) && cvy_is_array(count, y));
    size_t i = 0;
    for (; i + VL <= count; i += VL)
        v_storeu(y + i, v_mul(v_loadu(a + i), v_loadu(b + i)));
    const int rest = (int)(count - i);
    if (rest > 0)
        v_store_first(y + i, v_mul(v_load_first(a + i, rest), v_load_first(b + i, rest)), rest);
}

void KERNEL(add)(size_t count, const float *a, const float *b, float *sum) {
    assert(cvy_is_array(count, a) && cvy_is_array(count, b) && cvy_is_array(count, sum));
    size_t i = 0;
    for (; i + VL <= count; i += VL)
        v_storeu(sum + i, v_add(v_loadu(a + i), v_loadu(b + i)));
    const int rest = (int)(count - i);
    if (rest > 0)
        v_store_first(sum + i, v_add(v_load_first(a + i, rest), v_load_first(b + i, rest)), rest);
}
