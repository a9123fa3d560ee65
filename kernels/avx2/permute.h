/* AVX2 + FMA: lanes in another order, and vectors of integers at any address. */
#ifndef CVY_AVX2_PERMUTE_H
#define CVY_AVX2_PERMUTE_H

#include "vec.h"

/* Lane i is lane index[i] of a; 0 <= index < VL. */
static inline V v_permute(V a, VI index) {
    return _mm256_permutevar8x32_ps(a, index);
}

/* Lane i is row[4 * quarter + choice[i]] of an aligned row of 16 floats; 0 <= choice < 4. */
static inline V v_choose(const float *row, int quarter, VI choice) {
    return _mm256_permutevar_ps(_mm256_broadcast_ps((const __m128 *)(row + 4 * quarter)), choice);
}

static inline VI vi_permute(VI a, VI index) {
    return v_bits(v_permute(v_from_bits(a), index));
}

static inline VI vi_loadu(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline void vi_storeu(int32_t *p, VI a) {
    _mm256_storeu_si256((__m256i *)p, a);
}

/* Lane i is the sum of the lanes of a[i], folded VL, VL / 2, ... 1. */
static inline __attribute__((always_inline)) V v_fold(const V a[8]) {
    V s[8];
    for (int i = 0; i < 8; i++)
        s[i] = a[i];
    v_transpose(s);
    for (int half = 4; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            s[i] = v_add(s[i], s[i + half]);
    return s[0];
}

#endif
