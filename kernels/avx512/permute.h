/* AVX-512: lanes in another order, and vectors of integers at any address. */
#ifndef CVY_AVX512_PERMUTE_H
#define CVY_AVX512_PERMUTE_H

#include "vec.h"

/* Lane i is lane index[i] of a; 0 <= index < VL. */
static inline V v_permute(V a, VI index) {
    return _mm512_permutexvar_ps(index, a);
}

/* Lane i is row[4 * quarter + choice[i]] of an aligned row of 16 floats; 0 <= choice < 4. */
static inline V v_choose(const float *row, int quarter, VI choice) {
    return v_permute(v_load(row), vi_add(choice, vi_set1(4 * quarter)));
}

static inline VI vi_permute(VI a, VI index) {
    return v_bits(v_permute(v_from_bits(a), index));
}

static inline VI vi_loadu(const int32_t *p) {
    return _mm512_loadu_si512(p);
}

static inline void vi_storeu(int32_t *p, VI a) {
    _mm512_storeu_si512(p, a);
}

#endif
