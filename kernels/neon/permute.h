/* NEON: lanes in another order, and vectors of integers at any address. */
#ifndef CVY_NEON_PERMUTE_H
#define CVY_NEON_PERMUTE_H

#include "vec.h"

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
