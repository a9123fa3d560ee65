/* Rows of images on their way to a block: widened, summed, sampled; VL elements of a row at a time. Loads
 * bound all three. */
#include "tier.h"

void KERNEL(widen_u8)(int32_t rows, int32_t floats, const uint8_t *x, int32_t y_row, float *y) {
    assert(rows >= 1 && floats >= 1 && y_row >= floats && x && cvy_is_float_aligned(y));
    for (int i = 0; i < rows; i++, x += floats, y += y_row) {
        if (floats < VL) {
            for (int j = 0; j < floats; j++)
                y[j] = (float)x[j];
            continue;
        }
        for (int j = 0; j < floats; j += VL) { /* the last vector overlaps the one before it */
            const int at = least(j, floats - VL);
            v_storeu(y + at, v_load_u8(x + at));
        }
    }
}

/* The moments of `vectors` vectors of columns, a constant where this is inlined; the first `left` are written. */
TILE_BODY void moments_tile(int vectors, int rows, int left, size_t x_row, const float *x, size_t floats,
                            float *moments) {
    V sum[32 / VL], first[32 / VL], second[32 / VL];
    UNROLL for (int v = 0; v < vectors; v++) sum[v] = first[v] = second[v] = v_zero();
    for (int i = 0; i < rows; i++, x += x_row) {
        const float row = (float)i;
        const V once = v_set1(row), twice = v_set1(row * row);
        UNROLL for (int v = 0; v < vectors; v++) {
            const V value = v_loadu(x + v * VL);
            sum[v] = v_add(sum[v], value);
            first[v] = v_fma(value, once, first[v]);
            second[v] = v_fma(value, twice, second[v]);
        }
    }
    UNROLL for (int v = 0; v < vectors; v++) {
        const int wanted = least(left - v * VL, VL);
        v_store_first(moments + v * VL, sum[v], wanted);
        v_store_first(moments + floats + v * VL, first[v], wanted);
        v_store_first(moments + 2 * floats + v * VL, second[v], wanted);
    }
}

/* 32 columns at a time, so that enough chains are under way; what is left goes vector by vector. */
void KERNEL(column_moments)(int32_t rows, int32_t floats, int32_t x_row, const float *x, float *moments) {
    enum { VECTORS = 32 / VL };
    assert(rows >= 1 && floats >= 1 && x_row >= floats && cvy_is_float_aligned(x) && cvy_is_float_aligned(moments));
    for (int j = 0; j < floats;) {
        const int left = floats - j;
        if (left > (VECTORS - 1) * VL) {
            moments_tile(VECTORS, rows, left, x_row, x + j, floats, moments + j);
            j += VECTORS * VL;
        } else {
            moments_tile(1, rows, left, x_row, x + j, floats, moments + j);
            j += VL;
        }
    }
}

void KERNEL(sample_rows)(int32_t rows, int32_t floats, const int32_t *start, const float *fraction, int32_t step,
                         float scale, float offset, const float *x, int32_t y_row, float *y) {
    assert(rows >= 1 && floats >= 1 && start && fraction && step >= 0 && y_row >= floats);
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    const V factor = v_set1(scale), addend = v_set1(offset);
    for (int i = 0; i < rows; i++, y += y_row) {
        const float *from = x + start[i];
        const V share = v_set1(fraction[i]);
        for (int j = 0; j < floats; j += VL) {
            V value = v_loadu(from + j);
            if (fraction[i] != 0.0f)
                value = v_fma(v_sub(v_loadu(from + step + j), value), share, value);
            value = v_fma(value, factor, addend);
            if (floats - j < VL)
                v_store_first(y + j, value, floats - j);
            else
                v_storeu(y + j, value);
        }
    }
}
