/* Vector operations of the NEON tier: 4 lanes, 32 registers, masks as vectors of all ones or zeros. See scalar/vec.h
 * for what each name means. FMAX and FMIN return NaN where an operand is NaN, so max and min are compare and select. */
#ifndef CVY_NEON_VEC_H
#define CVY_NEON_VEC_H

#include <arm_neon.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef float32x4_t V;
typedef int32x4_t VI;
typedef uint32x4_t VM;

enum { VL = 4 };

static inline V v_zero(void) {
    return vdupq_n_f32(0.0f);
}

static inline V v_set1(float a) {
    return vdupq_n_f32(a);
}

static inline V v_load(const float *p) {
    return vld1q_f32(p);
}

static inline V v_loadu(const float *p) {
    return vld1q_f32(p);
}

/* Keeps a loaded vector in its register, where compilers would rather repeat the load in every operation that uses it:
 * loads are what many kernels have least of. */
static inline V v_keep(V a) {
    __asm__("" : "+w"(a));
    return a;
}

/* The first n lanes, 0 <= n <= VL, +0 in the others; nothing beyond them is read. */
static inline V v_load_first(const float *p, int n) {
    float lanes[4] = {0};
    for (int i = 0; i < n; i++)
        lanes[i] = p[i];
    return vld1q_f32(lanes);
}

/* VL bytes, widened. */
static inline V v_load_u8(const uint8_t *p) {
    uint32_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    uint16x8_t words = vmovl_u8(vcreate_u8(bytes));
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)));
}

static inline void v_store(float *p, V a) {
    vst1q_f32(p, a);
}

static inline void v_storeu(float *p, V a) {
    vst1q_f32(p, a);
}

/* The first n lanes, 0 <= n <= VL; nothing beyond them is written. */
static inline void v_store_first(float *p, V a, int n) {
    float lanes[4];
    vst1q_f32(lanes, a);
    for (int i = 0; i < n; i++)
        p[i] = lanes[i];
}

static inline V v_add(V a, V b) {
    return vaddq_f32(a, b);
}

static inline V v_sub(V a, V b) {
    return vsubq_f32(a, b);
}

static inline V v_mul(V a, V b) {
    return vmulq_f32(a, b);
}

static inline V v_div(V a, V b) {
    return vdivq_f32(a, b);
}

static inline V v_sqrt(V a) {
    return vsqrtq_f32(a);
}

static inline V v_fma(V a, V b, V c) {
    return vfmaq_f32(c, a, b);
}

static inline V v_fnma(V a, V b, V c) {
    return vfmsq_f32(c, a, b);
}

static inline VM v_lt(V a, V b) {
    return vcltq_f32(a, b);
}

static inline VM v_gt(V a, V b) {
    return vcgtq_f32(a, b);
}

static inline VM v_eq(V a, V b) {
    return vceqq_f32(a, b);
}

static inline V v_select(VM m, V a, V b) {
    return vbslq_f32(m, a, b);
}

static inline V v_max(V a, V b) {
    return v_select(v_gt(a, b), a, b);
}

static inline V v_min(V a, V b) {
    return v_select(v_lt(a, b), a, b);
}

static inline VM m_and(VM a, VM b) {
    return vandq_u32(a, b);
}

static inline VM m_or(VM a, VM b) {
    return vorrq_u32(a, b);
}

static inline VM m_andnot(VM a, VM b) {
    return vbicq_u32(b, a);
}

static inline bool m_any(VM a) {
    return vmaxvq_u32(a) != 0;
}

static inline VI vi_set1(int32_t a) {
    return vdupq_n_s32(a);
}

static inline VI vi_load(const int32_t *p) {
    return vld1q_s32(p);
}

static inline void vi_store(int32_t *p, VI a) {
    vst1q_s32(p, a);
}

static inline VI vi_add(VI a, VI b) {
    return vaddq_s32(a, b);
}

static inline VI vi_sub(VI a, VI b) {
    return vsubq_s32(a, b);
}

static inline VI vi_and(VI a, VI b) {
    return vandq_s32(a, b);
}

static inline VI vi_or(VI a, VI b) {
    return vorrq_s32(a, b);
}

static inline VI vi_xor(VI a, VI b) {
    return veorq_s32(a, b);
}

#define vi_shl(a, n) vshlq_n_s32(a, n)
#define vi_shr(a, n) vshrq_n_s32(a, n)

static inline VM vi_eq(VI a, VI b) {
    return vceqq_s32(a, b);
}

#define m_bit(a, n) vtstq_s32(a, vdupq_n_s32(1 << (n)))

static inline VI vi_select(VM m, VI a, VI b) {
    return vbslq_s32(m, a, b);
}

static inline VI v_bits(V a) {
    return vreinterpretq_s32_f32(a);
}

static inline V v_from_bits(VI a) {
    return vreinterpretq_f32_s32(a);
}

static inline V v_from_int(VI a) {
    return vcvtq_f32_s32(a);
}

/* r[i] lane j <-> r[j] lane i. */
static inline __attribute__((always_inline)) void v_transpose(V r[4]) {
    float32x4x2_t low = vtrnq_f32(r[0], r[1]), high = vtrnq_f32(r[2], r[3]);
    for (int i = 0; i < 2; i++) {
        r[i] = vcombine_f32(vget_low_f32(low.val[i]), vget_low_f32(high.val[i]));
        r[i + 2] = vcombine_f32(vget_high_f32(low.val[i]), vget_high_f32(high.val[i]));
    }
}

/* ---- Lanes in another order, and vectors of integers at any address ---------------------------------------------- */

/* Lane i is lane index[i] of a; 0 <= index < VL. */
static inline V v_permute(V a, VI index) {
    const uint32x4_t bytes = vmulq_n_u32(vreinterpretq_u32_s32(index), 0x04040404);
    const uint8x16_t at = vreinterpretq_u8_u32(vaddq_u32(bytes, vdupq_n_u32(0x03020100)));
    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(a), at));
}

/* Lane i is row[4 * quarter + choice[i]] of an aligned row of 16 floats; 0 <= choice < 4. */
static inline V v_choose(const float *row, int quarter, VI choice) {
    return v_permute(v_load(row + 4 * quarter), choice);
}

static inline VI vi_permute(VI a, VI index) {
    return v_bits(v_permute(v_from_bits(a), index));
}

static inline VI vi_loadu(const int32_t *p) {
    return vld1q_s32(p);
}

static inline void vi_storeu(int32_t *p, VI a) {
    vst1q_s32(p, a);
}

/* Lane i is the sum of the lanes of a[i], folded VL, VL / 2, ... 1. */
static inline __attribute__((always_inline)) V v_fold(const V a[4]) {
    V s[4];
    for (int i = 0; i < 4; i++)
        s[i] = a[i];
    v_transpose(s);
    for (int half = 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            s[i] = v_add(s[i], s[i + half]);
    return s[0];
}

#endif
