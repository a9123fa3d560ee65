/* Dense layers on images one after another: forward and both gradients. */
#include <math.h>

#include "../contract.h"
#include "../scratch.h"

/* +0 to the rest of an image's row. */
static void clear_rest(size_t used, size_t row, float *to) {
    for (size_t i = used; i < row; i++)
        to[i] = 0.0f;
}

void cvy_dense_forward_nhwc_scalar(const cvy_dense_shape *shape, int32_t count, const float *x, const float *weights,
                                   const float *bias, float *y) {
    assert(cvy_is_strided_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias));
    assert(cvy_is_float_aligned(y));
    const size_t inputs = shape->inputs, units = shape->units, input_row = shape->input_row, unit_row = shape->unit_row;
    for (int n = 0; n < count; n++) {
        for (size_t u = 0; u < units; u++) {
            float sum = bias ? bias[u] : 0.0f;
            for (size_t i = 0; i < inputs; i++)
                sum = fmaf(x[n * input_row + i], weights[i * units + u], sum);
            y[n * unit_row + u] = sum;
        }
        clear_rest(units, unit_row, y + n * unit_row);
    }
}

void cvy_dense_backward_data_nhwc_scalar(const cvy_dense_shape *shape, int32_t count, const float *dy,
                                         const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_strided_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_aligned(weights) && cvy_is_float_aligned_or_null(derivative));
    assert(cvy_is_float_aligned(dx) && cvy_is_aligned(scratch));
    (void)scratch; /* where vector tiers transpose the weights */
    const size_t inputs = shape->inputs, units = shape->units, input_row = shape->input_row, unit_row = shape->unit_row;
    for (int n = 0; n < count; n++) {
        for (size_t i = 0; i < inputs; i++) {
            float sum = 0.0f;
            for (size_t u = 0; u < units; u++)
                sum = fmaf(dy[n * unit_row + u], weights[i * units + u], sum);
            dx[n * input_row + i] = derivative ? sum * derivative[n * input_row + i] : sum;
        }
        clear_rest(inputs, input_row, dx + n * input_row);
    }
}

void cvy_dense_backward_weights_nhwc_scalar(const cvy_dense_shape *shape, int32_t count, const float *x,
                                            const float *dy, float *dweights, float *dbias) {
    assert(cvy_is_strided_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    const size_t inputs = shape->inputs, units = shape->units, input_row = shape->input_row, unit_row = shape->unit_row;
    for (size_t i = 0; i < inputs; i++) {
        for (size_t u = 0; u < units; u++) {
            float sum = 0.0f;
            for (int n = 0; n < count; n++)
                sum = fmaf(x[n * input_row + i], dy[n * unit_row + u], sum);
            dweights[i * units + u] = sum;
        }
    }
    for (size_t u = 0; dbias && u < units; u++) {
        float sum = 0.0f;
        for (int n = 0; n < count; n++)
            sum += dy[n * unit_row + u];
        dbias[u] = sum;
    }
}
