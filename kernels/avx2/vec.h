/* Vector operations of the AVX2 + FMA tier: 8 lanes, 16 registers (32 where AVX-512 VL is enabled as well), masks as
 * vectors of all ones or zeros. See scalar/vec.h for what each name means. */
#ifndef CVY_AVX2_VEC_H
#define CVY_AVX2_VEC_H

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef __m256 V;
typedef __m256i VI;
typedef __m256 VM;

enum { VL = 8 };

static inline V v_zero(void) {
    return _mm256_setzero_ps();
}

static inline V v_set1(float a) {
    return _mm256_set1_ps(a);
}

static inline V v_load(const float *p) {
    return _mm256_load_ps(p);
}

static inline V v_loadu(const float *p) {
    return _mm256_loadu_ps(p);
}

/* Keeps a loaded vector in its register, where compilers would rather repeat the load in every operation that uses it:
 * loads are what many kernels have least of. */
static inline V v_keep(V a) {
    __asm__("" : "+x"(a));
    return a;
}

/* All ones in the first n lanes. */
static inline __m256i first_lanes(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* The first n lanes, 0 <= n <= VL, +0 in the others; nothing beyond them is read. */
static inline V v_load_first(const float *p, int n) {
    return _mm256_maskload_ps(p, first_lanes(n));
}

/* VL bytes, widened. */
static inline V v_load_u8(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

static inline void v_store(float *p, V a) {
    _mm256_store_ps(p, a);
}

static inline void v_storeu(float *p, V a) {
    _mm256_storeu_ps(p, a);
}

/* The first n lanes, 0 <= n <= VL; nothing beyond them is written. */
static inline void v_store_first(float *p, V a, int n) {
    _mm256_maskstore_ps(p, first_lanes(n), a);
}

static inline V v_add(V a, V b) {
    return _mm256_add_ps(a, b);
}

static inline V v_sub(V a, V b) {
    return _mm256_sub_ps(a, b);
}

static inline V v_mul(V a, V b) {
    return _mm256_mul_ps(a, b);
}

static inline V v_div(V a, V b) {
    return _mm256_div_ps(a, b);
}

static inline V v_sqrt(V a) {
    return _mm256_sqrt_ps(a);
}

static inline V v_fma(V a, V b, V c) {
    return _mm256_fmadd_ps(a, b, c);
}

static inline V v_fnma(V a, V b, V c) {
    return _mm256_fnmadd_ps(a, b, c);
}

static inline V v_max(V a, V b) {
    return _mm256_max_ps(a, b);
}

static inline V v_min(V a, V b) {
    return _mm256_min_ps(a, b);
}

static inline VM v_lt(V a, V b) {
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

static inline VM v_gt(V a, V b) {
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}

static inline VM v_eq(V a, V b) {
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}

static inline V v_select(VM m, V a, V b) {
    return _mm256_blendv_ps(b, a, m);
}

static inline VM m_and(VM a, VM b) {
    return _mm256_and_ps(a, b);
}

static inline VM m_or(VM a, VM b) {
    return _mm256_or_ps(a, b);
}

static inline VM m_andnot(VM a, VM b) {
    return _mm256_andnot_ps(a, b);
}

static inline bool m_any(VM a) {
    return _mm256_movemask_ps(a) != 0;
}

static inline VI vi_set1(int32_t a) {
    return _mm256_set1_epi32(a);
}

static inline VI vi_load(const int32_t *p) {
    return _mm256_load_si256((const __m256i *)p);
}

static inline void vi_store(int32_t *p, VI a) {
    _mm256_store_si256((__m256i *)p, a);
}

static inline VI vi_add(VI a, VI b) {
    return _mm256_add_epi32(a, b);
}

static inline VI vi_sub(VI a, VI b) {
    return _mm256_sub_epi32(a, b);
}

static inline VI vi_and(VI a, VI b) {
    return _mm256_and_si256(a, b);
}

static inline VI vi_or(VI a, VI b) {
    return _mm256_or_si256(a, b);
}

static inline VI vi_xor(VI a, VI b) {
    return _mm256_xor_si256(a, b);
}

#define vi_shl(a, n) _mm256_slli_epi32(a, n)
#define vi_shr(a, n) _mm256_srai_epi32(a, n)

static inline VM vi_eq(VI a, VI b) {
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b));
}

#define m_bit(a, n) _mm256_castsi256_ps(_mm256_srai_epi32(_mm256_slli_epi32(a, 31 - (n)), 31))

static inline VI vi_select(VM m, VI a, VI b) {
    return _mm256_blendv_epi8(b, a, _mm256_castps_si256(m));
}

static inline VI v_bits(V a) {
    return _mm256_castps_si256(a);
}

static inline V v_from_bits(VI a) {
    return _mm256_castsi256_ps(a);
}

static inline V v_from_int(VI a) {
    return _mm256_cvtepi32_ps(a);
}

/* r[i] lane j <-> r[j] lane i. */
static inline __attribute__((always_inline)) void v_transpose(V r[8]) {
    V t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            __m256d a = _mm256_castps_pd(t[i + j]), b = _mm256_castps_pd(t[i + 2 + j]);
            r[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
        }
    for (int i = 0; i < 4; i++) {
        V low = r[i], high = r[i + 4];
        r[i] = _mm256_permute2f128_ps(low, high, 0x20);
        r[i + 4] = _mm256_permute2f128_ps(low, high, 0x31);
    }
}

/* ---- Lanes in another order, and vectors of integers at any address ---------------------------------------------- */

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
