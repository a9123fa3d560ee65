/* Dense layers on images one after another: forward and both gradients. */
#include <math.h>

#include "../contract.h"
#include "../scratch.h"

void cvy_dense_forward_nhwc_scalar(const cvy_dense_shape *shape, int32_t count, const float *x, const float *weights,
                                   const float *bias, float *y) {
    assert(cvy_is_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias));
    assert(cvy_is_float_aligned(y));
    const size_t inputs = shape->inputs, units = shape->units;
    for (int n = 0; n < count; n++) {
        for (size_t u = 0; u < units; u++) {
            float sum = bias ? bias[u] : 0.0f;
            for (size_t i = 0; i < inputs; i++)
                sum = fmaf(x[n * inputs + i], weights[i * units + u], sum);
            y[n * units + u] = sum;
        }
    }
}

void cvy_dense_backward_data_nhwc_scalar(const cvy_dense_shape *shape, int32_t count, const float *dy,
                                         const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_aligned(weights) && cvy_is_float_aligned_or_null(derivative));
    assert(cvy_is_float_aligned(dx) && cvy_is_aligned(scratch));
    (void)scratch; /* where vector tiers turn the weights */
    const size_t inputs = shape->inputs, units = shape->units;
    for (int n = 0; n < count; n++) {
        for (size_t i = 0; i < inputs; i++) {
            float sum = 0.0f;
            for (size_t u = 0; u < units; u++)
                sum = fmaf(dy[n * units + u], weights[i * units + u], sum);
            dx[n * inputs + i] = derivative ? sum * derivative[n * inputs + i] : sum;
        }
    }
}

void cvy_dense_backward_weights_nhwc_scalar(const cvy_dense_shape *shape, int32_t count, const float *x,
                                            const float *dy, float *dweights, float *dbias) {
    assert(cvy_is_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    const size_t inputs = shape->inputs, units = shape->units;
    for (size_t i = 0; i < inputs; i++) {
        for (size_t u = 0; u < units; u++) {
            float sum = 0.0f;
            for (int n = 0; n < count; n++)
                sum = fmaf(x[n * inputs + i], dy[n * units + u], sum);
            dweights[i * units + u] = sum;
        }
    }
    for (size_t u = 0; dbias && u < units; u++) {
        float sum = 0.0f;
        for (int n = 0; n < count; n++)
            sum += dy[n * units + u];
        dbias[u] = sum;
    }
}
