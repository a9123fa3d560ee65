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

/* Lane i is the sum of the lanes of a[i], folded VL, VL / 2, ... 1: each step adds the halves of two vectors at once.
 */
static inline __attribute__((always_inline)) V v_fold(const V a[16]) {
    V s[8];
    for (int i = 0; i < 8; i++) { /* in the order that the steps below bring back to ascending */
        const V first = a[i % 2 * 8 + i / 2], second = a[i % 2 * 8 + 4 + i / 2];
        s[i] = _mm512_add_ps(_mm512_shuffle_f32x4(first, second, 0x44), _mm512_shuffle_f32x4(first, second, 0xee));
    }
    for (int i = 0; i < 4; i++)
        s[i] = _mm512_add_ps(_mm512_shuffle_f32x4(s[2 * i], s[2 * i + 1], 0x88),
                             _mm512_shuffle_f32x4(s[2 * i], s[2 * i + 1], 0xdd));
    for (int i = 0; i < 2; i++)
        s[i] = _mm512_add_ps(_mm512_shuffle_ps(s[2 * i], s[2 * i + 1], 0x44),
                             _mm512_shuffle_ps(s[2 * i], s[2 * i + 1], 0xee));
    return _mm512_add_ps(_mm512_shuffle_ps(s[0], s[1], 0x88), _mm512_shuffle_ps(s[0], s[1], 0xdd));
}

#endif
