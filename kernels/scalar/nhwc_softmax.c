/* Softmax of rows of channels, its gradient, and softmax with cross-entropy. */
#include <math.h>

#include "../contract.h"
#include "vec.h"

#include "../vector/elementary.h"

/* +0 behind a row's channels. */
static void clear_rest(int channels, int stride, float *row) {
    for (int c = channels; c < stride; c++)
        row[c] = 0.0f;
}

/* Where the largest channel stands. */
static int maximum(int channels, const float *z) {
    int largest = 0;
    for (int c = 1; c < channels; c++)
        if (z[c] > z[largest])
            largest = c;
    return largest;
}

/* The sum of exp(z_c - m). */
static float sum_of_exponentials(int channels, const float *z, float m) {
    float sum = 0.0f;
    for (int c = 0; c < channels; c++)
        sum += v_exp(z[c] - m);
    return sum;
}

void cvy_softmax_forward_nhwc_scalar(int32_t rows, int32_t channels, int32_t stride, const float *x, float *y) {
    assert(cvy_is_strided_rows(rows, channels, stride) && cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    for (int row = 0; row < rows; row++, x += stride, y += stride) {
        const float m = x[maximum(channels, x)], r = 1.0f / sum_of_exponentials(channels, x, m);
        for (int c = 0; c < channels; c++)
            y[c] = v_exp(x[c] - m) * r;
        clear_rest(channels, stride, y);
    }
}

void cvy_softmax_backward_nhwc_scalar(int32_t rows, int32_t channels, int32_t stride, const float *y, const float *dy,
                                      const float *derivative, float *dx) {
    assert(cvy_is_strided_rows(rows, channels, stride) && cvy_is_float_aligned(y) && cvy_is_float_aligned(dy));
    assert(cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    for (int row = 0; row < rows; row++, y += stride, dy += stride, dx += stride) {
        float t = 0.0f;
        for (int c = 0; c < channels; c++)
            t = fmaf(dy[c], y[c], t);
        for (int c = 0; c < channels; c++) {
            const float gradient = y[c] * (dy[c] - t);
            dx[c] = derivative ? gradient * derivative[(size_t)row * stride + c] : gradient;
        }
        clear_rest(channels, stride, dx);
    }
}

/* How far the maximum is above the logits, in the mean over the targets. */
static float smoothed_distance(int channels, const float *z, float m, int label, float on, float off) {
    float distance = 0.0f;
    for (int c = 0; c < channels; c++)
        distance = fmaf(c == label ? on : off, m - z[c], distance);
    return distance;
}

void cvy_softmax_cross_entropy_nhwc_scalar(int32_t channels, int32_t stride, int32_t count, const uint8_t *labels,
                                           float smoothing, float scale, const float *x, float *loss,
                                           int32_t *predicted, float *dx) {
    assert(cvy_is_strided_rows(count, channels, stride) && cvy_is_lane_count(count) && labels);
    assert(smoothing >= 0.0f && smoothing <= 1.0f && cvy_is_float_aligned(x) && cvy_is_float_aligned(loss));
    assert(cvy_is_float_aligned(predicted) && cvy_is_float_aligned_or_null(dx));
    const float off = smoothing / (float)channels, on = (1.0f - smoothing) + off;
    for (int n = 0; n < count; n++, x += stride) {
        const int label = labels[n];
        assert(label < channels);
        predicted[n] = maximum(channels, x);
        const float m = x[predicted[n]], sum = sum_of_exponentials(channels, x, m), r = 1.0f / sum;
        loss[n] = v_log(sum) + (smoothing > 0.0f ? smoothed_distance(channels, x, m, label, on, off) : m - x[label]);
        if (!dx)
            continue;
        for (int c = 0; c < channels; c++)
            dx[c] = (v_exp(x[c] - m) * r - (c == label ? on : off)) * scale;
        clear_rest(channels, stride, dx);
        dx += stride;
    }
}
