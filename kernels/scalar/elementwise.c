/* Operations that take each element by itself, in arrays of any length and layout. */
#include <math.h>

#include "../contract.h"
#include "activation.h"

void cvy_activation_forward_scalar(cvy_activation_kind activation, size_t count, const float *x, float *y,
                                   float *derivative) {
    assert(cvy_is_activation(activation) && cvy_is_array(count, x) && cvy_is_array(count, y));
    assert(cvy_is_float_aligned_or_null(derivative));
    for (size_t i = 0; i < count; i++) {
        float slope;
        y[i] = activate(activation, x[i], &slope);
        if (derivative)
            derivative[i] = slope;
    }
}

void cvy_scale_scalar(size_t count, float scale, float offset, const float *x, float *y) {
    assert(cvy_is_array(count, x) && cvy_is_array(count, y));
    for (size_t i = 0; i < count; i++)
        y[i] = fmaf(x[i], scale, offset);
}

void cvy_multiply_scalar(size_t count, const float *a, const float *b, float *y) {
    assert(cvy_is_array(count, a) && cvy_is_array(count, b) && cvy_is_array(count, y));
    for (size_t i = 0; i < count; i++)
        y[i] = a[i] * b[i];
}

void cvy_add_scalar(size_t count, const float *a, const float *b, float *sum) {
    assert(cvy_is_array(count, a) && cvy_is_array(count, b) && cvy_is_array(count, sum));
    for (size_t i = 0; i < count; i++)
        sum[i] = a[i] + b[i];
}
