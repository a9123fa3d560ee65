/* Softmax of rows of channels. Exponentials and products have the channels in the lanes; the maximum and the sums go
 * channel by channel, as their order is fixed. These chains bound it. Rows do not wait for each other, so theirs
 * overlap.
 */
#include <math.h>
#include <string.h>

#include "elementary.h"
#include "tier.h"

/* Nothing beyond a row is touched: an input may be the output, and there is what has been or is to be written. */
static inline V load_upto(const float *from, int left) {
    return left >= VL ? v_loadu(from) : v_load_first(from, left);
}

static inline void store_upto(float *to, V a, int left) {
    if (left >= VL)
        v_storeu(to, a);
    else
        v_store_first(to, a, left);
}

/* +0 behind a row's channels. */
static inline void clear_rest(int channels, int stride, float *row) {
    memset(row + channels, 0, (stride - channels) * sizeof *row);
}

/* Where the largest channel stands, the first of equals. */
static inline int maximum(int channels, const float *z) {
    int largest = 0;
    for (int c = 1; c < channels; c++)
        largest = z[c] > z[largest] ? c : largest;
    return largest;
}

/* The sum of e_c = exp(z_c - m), which go to e (unless NULL; may be z). */
static inline float exponentials(int channels, const float *z, float m, float *e) {
    float sum = 0.0f;
    for (int c = 0; c < channels; c += VL) {
        float lanes[VL];
        const V value = v_exp(v_sub(load_upto(z + c, channels - c), v_set1(m)));
        v_storeu(lanes, value);
        if (e)
            store_upto(e + c, value, channels - c);
        for (int i = 0; i < least(VL, channels - c); i++)
            sum += lanes[i];
    }
    return sum;
}

void KERNEL(softmax_forward_nhwc)(int32_t rows, int32_t channels, int32_t stride, const float *x, float *y) {
    assert(cvy_is_strided_rows(rows, channels, stride) && cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    for (int row = 0; row < rows; row++, x += stride, y += stride) {
        const V r = v_set1(1.0f / exponentials(channels, x, x[maximum(channels, x)], y));
        for (int c = 0; c < channels; c += VL)
            store_upto(y + c, v_mul(load_upto(y + c, channels - c), r), channels - c);
        clear_rest(channels, stride, y);
    }
}

void KERNEL(softmax_backward_nhwc)(int32_t rows, int32_t channels, int32_t stride, const float *y, const float *dy,
                                   const float *derivative, float *dx) {
    assert(cvy_is_strided_rows(rows, channels, stride) && cvy_is_float_aligned(y) && cvy_is_float_aligned(dy));
    assert(cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    for (int row = 0; row < rows; row++, y += stride, dy += stride, dx += stride) {
        float t = 0.0f;
        for (int c = 0; c < channels; c++)
            t = fmaf(dy[c], y[c], t);
        for (int c = 0; c < channels; c += VL) {
            const int left = channels - c;
            const V gradient = v_mul(load_upto(y + c, left), v_sub(load_upto(dy + c, left), v_set1(t)));
            store_upto(dx + c, derivative ? v_mul(gradient, load_upto(derivative + c, left)) : gradient, left);
        }
        clear_rest(channels, stride, dx);
        derivative = derivative ? derivative + stride : NULL;
    }
}

/* How far the maximum is above the logits, in the mean over the targets. */
static inline float smoothed_distance(int channels, const float *z, float m, int label, float on, float off) {
    float distance = 0.0f;
    for (int c = 0; c < channels; c++)
        distance = fmaf(c == label ? on : off, m - z[c], distance);
    return distance;
}

/* dx_c from e_c, in place. */
static inline void gradients(int channels, int label, float r, float on, float off, float scale, float *dx) {
    const float at_label = (dx[label] * r - on) * scale;
    for (int c = 0; c < channels; c += VL) {
        const V probability = v_mul(load_upto(dx + c, channels - c), v_set1(r));
        store_upto(dx + c, v_mul(v_sub(probability, v_set1(off)), v_set1(scale)), channels - c);
    }
    dx[label] = at_label;
}

void KERNEL(softmax_cross_entropy_nhwc)(int32_t channels, int32_t stride, int32_t count, const uint8_t *labels,
                                        float smoothing, float scale, const float *x, float *loss, int32_t *predicted,
                                        float *dx) {
    assert(cvy_is_strided_rows(count, channels, stride) && cvy_is_lane_count(count) && labels);
    assert(smoothing >= 0.0f && smoothing <= 1.0f && cvy_is_float_aligned(x) && cvy_is_float_aligned(loss));
    assert(cvy_is_float_aligned(predicted) && cvy_is_float_aligned_or_null(dx));
    const float off = smoothing / (float)channels, on = (1.0f - smoothing) + off;
    float sums[CVY_LANES] = {0}, distances[CVY_LANES] = {0};
    for (int n = 0; n < count; n++, x += stride) {
        const int label = labels[n], largest = maximum(channels, x);
        const float m = x[largest];
        assert(label < channels);
        predicted[n] = largest;
        /* Before dx, which may be x, is written. */
        distances[n] = smoothing > 0.0f ? smoothed_distance(channels, x, m, label, on, off) : m - x[label];
        sums[n] = exponentials(channels, x, m, dx);
        if (!dx)
            continue;
        gradients(channels, label, 1.0f / sums[n], on, off, scale, dx);
        clear_rest(channels, stride, dx);
        dx += stride;
    }
    for (int n = 0; n < count; n += VL)
        store_upto(loss + n, v_add(v_log(v_loadu(sums + n)), v_loadu(distances + n)), count - n);
}
