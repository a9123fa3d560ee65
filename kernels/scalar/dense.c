/* Dense layers on a block: forward and both gradients. */
#include <math.h>

#include "../contract.h"

void cvy_dense_forward_hwc16n_scalar(const cvy_dense_shape *shape, const float *x, const float *weights,
                                     const float *bias, float *y) {
    assert(cvy_is_dense(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    for (int u = 0; u < shape->units; u++) {
        float *sum = y + (size_t)u * CVY_LANES;
        for (int l = 0; l < CVY_LANES; l++)
            sum[l] = bias ? bias[u] : 0.0f;
        for (int i = 0; i < shape->inputs; i++) {
            const float weight = weights[(size_t)i * shape->units + u];
            for (int l = 0; l < CVY_LANES; l++)
                sum[l] = fmaf(x[(size_t)i * CVY_LANES + l], weight, sum[l]);
        }
    }
}

void cvy_dense_backward_data_hwc16n_scalar(const cvy_dense_shape *shape, const float *dy, const float *weights,
                                           const float *derivative, float *dx) {
    assert(cvy_is_dense(shape));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    for (int i = 0; i < shape->inputs; i++) {
        float *sum = dx + (size_t)i * CVY_LANES;
        for (int l = 0; l < CVY_LANES; l++)
            sum[l] = 0.0f;
        for (int u = 0; u < shape->units; u++) {
            const float weight = weights[(size_t)i * shape->units + u];
            for (int l = 0; l < CVY_LANES; l++)
                sum[l] = fmaf(dy[(size_t)u * CVY_LANES + l], weight, sum[l]);
        }
        for (int l = 0; derivative && l < CVY_LANES; l++)
            sum[l] *= derivative[(size_t)i * CVY_LANES + l];
    }
}

void cvy_dense_backward_weights_hwc16n_scalar(const cvy_dense_shape *shape, const float *x, const float *dy,
                                              float *dweights, float *dbias, float *scratch) {
    assert(cvy_is_dense(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(dy) && cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    assert(cvy_is_aligned(scratch));
    (void)scratch; /* where vector tiers keep dy transposed */
    for (int i = 0; i < shape->inputs; i++) {
        for (int u = 0; u < shape->units; u++) {
            float sum = 0.0f;
            for (int l = 0; l < CVY_LANES; l++)
                sum = fmaf(x[(size_t)i * CVY_LANES + l], dy[(size_t)u * CVY_LANES + l], sum);
            dweights[(size_t)i * shape->units + u] = sum;
        }
    }
    for (int u = 0; dbias && u < shape->units; u++) {
        float sum = 0.0f;
        for (int l = 0; l < CVY_LANES; l++)
            sum += dy[(size_t)u * CVY_LANES + l];
        dbias[u] = sum;
    }
}
