/* Softmax of rows of channels: exponentials and products with the channels in the lanes; the maximum and the sum, whose
 * order is by channel, one after another. Rows do not wait for each other, so their chains overlap. */
#include "../contract.h"
#include "elementary.h"
#include "tile.h"

/* Nothing beyond a row is touched: x may be y, and there is what has been or is to be written. */
static inline V load_upto(const float *from, int left) {
    return left >= VL ? v_loadu(from) : v_load_first(from, left);
}

static inline void store_upto(float *to, V a, int left) {
    if (left >= VL)
        v_storeu(to, a);
    else
        v_store_first(to, a, left);
}

void KERNEL(softmax_forward_nhwc)(int32_t rows, int32_t channels, const float *x, float *y) {
    assert(rows >= 1 && channels >= 1 && cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    for (int row = 0; row < rows; row++, x += channels, y += channels) {
        float largest = x[0], sum = 0.0f;
        for (int c = 1; c < channels; c++)
            largest = x[c] > largest ? x[c] : largest;
        for (int c = 0; c < channels; c += VL) {
            float e[VL];
            const V value = v_exp(v_sub(load_upto(x + c, channels - c), v_set1(largest)));
            v_storeu(e, value);
            store_upto(y + c, value, channels - c);
            for (int i = 0; i < least(VL, channels - c); i++)
                sum += e[i];
        }
        const V r = v_set1(1.0f / sum);
        for (int c = 0; c < channels; c += VL)
            store_upto(y + c, v_mul(load_upto(y + c, channels - c), r), channels - c);
    }
}
