/* Operations that take each element by itself. */
#include <math.h>

#include "../contract.h"
#include "activation.h"

void cvy_activation_forward_hwc16n_scalar(cvy_activation_kind activation, size_t count, const float *x, float *y,
                                          float *derivative) {
    assert(cvy_is_activation(activation) && cvy_is_block_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(derivative));
    for (size_t i = 0; i < count; i++) {
        float slope;
        y[i] = activate(activation, x[i], &slope);
        if (derivative)
            derivative[i] = slope;
    }
}

void cvy_scale_hwc16n_scalar(size_t count, float scale, float offset, const float *x, float *y) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(x) && cvy_is_aligned(y));
    for (size_t i = 0; i < count; i++)
        y[i] = fmaf(x[i], scale, offset);
}

void cvy_multiply_hwc16n_scalar(size_t count, const float *a, const float *b, float *y) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(a) && cvy_is_aligned(b) && cvy_is_aligned(y));
    for (size_t i = 0; i < count; i++)
        y[i] = a[i] * b[i];
}

void cvy_add_hwc16n_scalar(size_t count, const float *a, const float *b, float *sum) {
    assert(cvy_is_block_count(count) && cvy_is_aligned(a) && cvy_is_aligned(b) && cvy_is_aligned(sum));
    for (size_t i = 0; i < count; i++)
        sum[i] = a[i] + b[i];
}
