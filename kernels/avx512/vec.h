/* Vector operations of the AVX-512 tier: 16 lanes, 32 registers, masks in k registers. See scalar/vec.h for what each
 * name means. */
#ifndef CVY_AVX512_VEC_H
#define CVY_AVX512_VEC_H

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef __m512 V;
typedef __m512i VI;
typedef __mmask16 VM;

enum { VL = 16 };

static inline V v_zero(void) {
    return _mm512_setzero_ps();
}

static inline V v_set1(float a) {
    return _mm512_set1_ps(a);
}

static inline V v_load(const float *p) {
    return _mm512_load_ps(p);
}

static inline V v_loadu(const float *p) {
    return _mm512_loadu_ps(p);
}

/* Keeps a loaded vector in its register, where compilers would rather repeat the load in every operation that uses it:
 * loads are what many kernels have least of. */
static inline V v_keep(V a) {
    __asm__("" : "+v"(a));
    return a;
}

/* The first n lanes, 0 <= n <= VL, +0 in the others; nothing beyond them is read. */
static inline V v_load_first(const float *p, int n) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

/* VL bytes, widened. */
static inline V v_load_u8(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

static inline void v_store(float *p, V a) {
    _mm512_store_ps(p, a);
}

static inline void v_storeu(float *p, V a) {
    _mm512_storeu_ps(p, a);
}

/* The first n lanes, 0 <= n <= VL; nothing beyond them is written. */
static inline void v_store_first(float *p, V a, int n) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a);
}

static inline V v_add(V a, V b) {
    return _mm512_add_ps(a, b);
}

static inline V v_sub(V a, V b) {
    return _mm512_sub_ps(a, b);
}

static inline V v_mul(V a, V b) {
    return _mm512_mul_ps(a, b);
}

static inline V v_div(V a, V b) {
    return _mm512_div_ps(a, b);
}

static inline V v_sqrt(V a) {
    return _mm512_sqrt_ps(a);
}

static inline V v_fma(V a, V b, V c) {
    return _mm512_fmadd_ps(a, b, c);
}

static inline V v_fnma(V a, V b, V c) {
    return _mm512_fnmadd_ps(a, b, c);
}

static inline V v_max(V a, V b) {
    return _mm512_max_ps(a, b);
}

static inline V v_min(V a, V b) {
    return _mm512_min_ps(a, b);
}

static inline VM v_lt(V a, V b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

static inline VM v_gt(V a, V b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}

static inline VM v_eq(V a, V b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

static inline V v_select(VM m, V a, V b) {
    return _mm512_mask_blend_ps(m, b, a);
}

static inline VM m_and(VM a, VM b) {
    return (VM)(a & b);
}

static inline VM m_or(VM a, VM b) {
    return (VM)(a | b);
}

static inline VM m_andnot(VM a, VM b) {
    return (VM)(~a & b);
}

static inline bool m_any(VM a) {
    return a != 0;
}

static inline VI vi_set1(int32_t a) {
    return _mm512_set1_epi32(a);
}

static inline VI vi_load(const int32_t *p) {
    return _mm512_load_si512(p);
}

static inline void vi_store(int32_t *p, VI a) {
    _mm512_store_si512(p, a);
}

static inline VI vi_add(VI a, VI b) {
    return _mm512_add_epi32(a, b);
}

static inline VI vi_sub(VI a, VI b) {
    return _mm512_sub_epi32(a, b);
}

static inline VI vi_and(VI a, VI b) {
    return _mm512_and_si512(a, b);
}

static inline VI vi_or(VI a, VI b) {
    return _mm512_or_si512(a, b);
}

static inline VI vi_xor(VI a, VI b) {
    return _mm512_xor_si512(a, b);
}

#define vi_shl(a, n) _mm512_slli_epi32(a, n)
#define vi_shr(a, n) _mm512_srai_epi32(a, n)

static inline VM vi_eq(VI a, VI b) {
    return _mm512_cmpeq_epi32_mask(a, b);
}

#define m_bit(a, n) _mm512_test_epi32_mask(a, _mm512_set1_epi32(1 << (n)))

static inline VI vi_select(VM m, VI a, VI b) {
    return _mm512_mask_blend_epi32(m, b, a);
}

static inline VI v_bits(V a) {
    return _mm512_castps_si512(a);
}

static inline V v_from_bits(VI a) {
    return _mm512_castsi512_ps(a);
}

static inline V v_from_int(VI a) {
    return _mm512_cvtepi32_ps(a);
}

/* One instruction with the same bits as the two products of the other tiers: it too rounds p * 2^n once. */
#define CVY_VEC_LDEXP
static inline V v_ldexp(V p, V n, VI n_bits) {
    (void)n_bits;
    return _mm512_scalef_ps(p, n);
}

/* r[i] lane j <-> r[j] lane i. */
static inline __attribute__((always_inline)) void v_transpose(V r[16]) {
    V t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            __m512d a = _mm512_castps_pd(t[i + j]), b = _mm512_castps_pd(t[i + 2 + j]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    for (int i = 0; i < 4; i++) { /* quarters of rows i, i+4, i+8, i+12 */
        V even_low = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88), odd_low = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
        V even_high = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
        V odd_high = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
        t[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        t[i + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
        t[i + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
    for (int i = 0; i < 16; i++)
        r[i] = t[i];
}

/* ---- Lanes in another order, and vectors of integers at any address ---------------------------------------------- */

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
