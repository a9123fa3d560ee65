/* Rows of images on their way to a block: widened, summed, sampled. */
#include <math.h>

#include "../contract.h"

void cvy_widen_u8_scalar(int32_t rows, int32_t floats, const uint8_t *x, int32_t y_row, float *y) {
    assert(rows >= 1 && floats >= 1 && y_row >= floats && x && cvy_is_float_aligned(y));
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < floats; j++)
            y[(size_t)i * y_row + j] = (float)x[(size_t)i * floats + j];
}

void cvy_column_moments_scalar(int32_t rows, int32_t floats, int32_t x_row, const float *x, float *moments) {
    assert(rows >= 1 && floats >= 1 && x_row >= floats && cvy_is_float_aligned(x) && cvy_is_float_aligned(moments));
    for (int j = 0; j < floats; j++) {
        float sum = 0.0f, first = 0.0f, second = 0.0f;
        for (int i = 0; i < rows; i++) {
            const float value = x[(size_t)i * x_row + j], row = (float)i;
            sum += value;
            first = fmaf(value, row, first);
            second = fmaf(value, row * row, second);
        }
        moments[j] = sum;
        moments[floats + j] = first;
        moments[2 * floats + j] = second;
    }
}

void cvy_sample_rows_scalar(int32_t rows, int32_t floats, const int32_t *start, const float *fraction, int32_t step,
                            float scale, float offset, const float *x, int32_t y_row, float *y) {
    assert(rows >= 1 && floats >= 1 && start && fraction && step >= 0 && y_row >= floats);
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    for (int i = 0; i < rows; i++) {
        const float *from = x + start[i];
        for (int j = 0; j < floats; j++) {
            float value = from[j];
            if (fraction[i] != 0.0f)
                value = fmaf(from[step + j] - value, fraction[i], value);
            y[(size_t)i * y_row + j] = fmaf(value, scale, offset);
        }
    }
}
