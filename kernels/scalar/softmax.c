/* Softmax over the channels, and softmax with cross-entropy. A lane's channels stand 16 floats apart. */
#include <math.h>

#include "../contract.h"
#include "vec.h"

#include "../vector/elementary.h"

/* The largest of a lane's channels; *channel is where it stands. */
static float maximum(int channels, const float *z, int *channel) {
    *channel = 0;
    for (int c = 1; c < channels; c++)
        if (z[(size_t)c * CVY_LANES] > z[(size_t)*channel * CVY_LANES])
            *channel = c;
    return z[(size_t)*channel * CVY_LANES];
}

/* e_c = exp(z_c - m) into e, which may be z; returns their sum. */
static float exponentials(int channels, const float *z, float m, float *e) {
    float sum = 0.0f;
    for (int c = 0; c < channels; c++) {
        const size_t at = (size_t)c * CVY_LANES;
        e[at] = v_exp(z[at] - m);
        sum += e[at];
    }
    return sum;
}

void cvy_softmax_forward_hwc16n_scalar(int32_t positions, int32_t channels, const float *x, float *y) {
    assert(positions >= 1 && channels >= 1 && cvy_is_aligned(x) && cvy_is_aligned(y));
    for (int p = 0; p < positions; p++) {
        for (int l = 0; l < CVY_LANES; l++) {
            const size_t first = (size_t)p * channels * CVY_LANES + l;
            int channel;
            const float m = maximum(channels, x + first, &channel);
            const float r = 1.0f / exponentials(channels, x + first, m, y + first);
            for (int c = 0; c < channels; c++)
                y[first + (size_t)c * CVY_LANES] *= r;
        }
    }
}

void cvy_softmax_backward_hwc16n_scalar(int32_t positions, int32_t channels, const float *y, const float *dy,
                                        const float *derivative, float *dx) {
    assert(positions >= 1 && channels >= 1);
    assert(cvy_is_aligned(y) && cvy_is_aligned(dy) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    for (int p = 0; p < positions; p++) {
        for (int l = 0; l < CVY_LANES; l++) {
            const size_t first = (size_t)p * channels * CVY_LANES + l;
            float t = 0.0f;
            for (int c = 0; c < channels; c++) {
                const size_t at = first + (size_t)c * CVY_LANES;
                t = fmaf(dy[at], y[at], t);
            }
            for (int c = 0; c < channels; c++) {
                const size_t at = first + (size_t)c * CVY_LANES;
                const float gradient = y[at] * (dy[at] - t);
                dx[at] = derivative ? gradient * derivative[at] : gradient;
            }
        }
    }
}

/* How far the maximum is above the logits, in the mean over the targets. */
static float smoothed_distance(int channels, const float *z, float m, int label, float on, float off) {
    float distance = 0.0f;
    for (int c = 0; c < channels; c++)
        distance = fmaf(c == label ? on : off, m - z[(size_t)c * CVY_LANES], distance);
    return distance;
}

void cvy_softmax_cross_entropy_hwc16n_scalar(int32_t channels, int32_t count, const uint8_t *labels, float smoothing,
                                             float scale, const float *x, float *loss, int32_t *predicted, float *dx) {
    assert(channels >= 1 && cvy_is_lane_count(count) && labels && smoothing >= 0.0f && smoothing <= 1.0f);
    assert(cvy_is_aligned(x) && cvy_is_aligned(loss) && cvy_is_aligned(predicted) && cvy_is_aligned_or_null(dx));
    const float off = smoothing / (float)channels, on = (1.0f - smoothing) + off;
    for (int l = 0; l < count; l++) {
        assert(labels[l] < channels);
        int channel;
        const float m = maximum(channels, x + l, &channel);
        float sum = 0.0f;
        for (int c = 0; c < channels; c++)
            sum += v_exp(x[(size_t)c * CVY_LANES + l] - m);
        float distance = m - x[(size_t)labels[l] * CVY_LANES + l];
        if (smoothing > 0.0f)
            distance = smoothed_distance(channels, x + l, m, labels[l], on, off);
        loss[l] = v_log(sum) + distance;
        predicted[l] = channel;
        const float r = 1.0f / sum;
        for (int c = 0; dx && c < channels; c++) {
            const size_t at = (size_t)c * CVY_LANES + l;
            dx[at] = (v_exp(x[at] - m) * r - (c == labels[l] ? on : off)) * scale;
        }
    }
    for (int l = count; l < CVY_LANES; l++) {
        loss[l] = 0.0f;
        predicted[l] = -1;
        for (int c = 0; dx && c < channels; c++)
            dx[(size_t)c * CVY_LANES + l] = 0.0f;
    }
}
