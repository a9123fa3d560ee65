/* Softmax of rows of channels. */
#include "../contract.h"
#include "vec.h"

#include "../template/elementary.h"

void cvy_softmax_forward_nhwc_scalar(int32_t rows, int32_t channels, const float *x, float *y) {
    assert(rows >= 1 && channels >= 1 && cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    for (int row = 0; row < rows; row++, x += channels, y += channels) {
        float largest = x[0], sum = 0.0f;
        for (int c = 1; c < channels; c++)
            largest = x[c] > largest ? x[c] : largest;
        for (int c = 0; c < channels; c++) {
            y[c] = v_exp(x[c] - largest);
            sum += y[c];
        }
        const float r = 1.0f / sum;
        for (int c = 0; c < channels; c++)
            y[c] *= r;
    }
}
