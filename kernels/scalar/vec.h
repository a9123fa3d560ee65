/* Vector operations of the scalar tier: vectors of one lane, in plain C.
 *
 * Sources that are compiled for several tiers (vector/) are written in the operations of a vec.h, which each tier's
 * folder has: V holds VL floats, VI as many 32-bit integers, VM a truth value a lane; v_ works on floats, vi_ on
 * integers, m_ on truth values. Every operation works lane by lane and rounds once, as IEEE 754 says.
 *
 *   v_fma(a, b, c)        a * b + c                  v_load, v_store    64-byte aligned, or to the vector's size
 *   v_fnma(a, b, c)       -(a * b) + c               v_loadu, v_storeu  any alignment
 *   v_max(a, b)           a > b ? a : b              v_bits             the bits of a float
 *   v_min(a, b)           a < b ? a : b              v_from_bits        the float of given bits
 *   v_select(m, a, b)     m ? a : b                  v_from_int         the integer as a float
 *   m_andnot(a, b)        !a && b                    vi_shl, vi_shr     by a constant; to the right arithmetic
 *   m_bit(a, n)           bit n of an integer
 *
 * What only some tiers have is explained there. This tier has what the elementary functions need. */
#ifndef CVY_SCALAR_VEC_H
#define CVY_SCALAR_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef float V;
typedef int32_t VI;
typedef bool VM;

enum { VL = 1 };

static inline V v_zero(void) {
    return 0.0f;
}

static inline V v_set1(float a) {
    return a;
}

static inline V v_add(V a, V b) {
    return a + b;
}

static inline V v_sub(V a, V b) {
    return a - b;
}

static inline V v_mul(V a, V b) {
    return a * b;
}

static inline V v_div(V a, V b) {
    return a / b;
}

static inline V v_fma(V a, V b, V c) {
    return fmaf(a, b, c);
}

static inline V v_fnma(V a, V b, V c) {
    return fmaf(-a, b, c);
}

static inline V v_max(V a, V b) {
    return a > b ? a : b;
}

static inline V v_min(V a, V b) {
    return a < b ? a : b;
}

static inline VM v_lt(V a, V b) {
    return a < b;
}

static inline VM v_gt(V a, V b) {
    return a > b;
}

static inline VM v_eq(V a, V b) {
    return a == b;
}

static inline V v_select(VM m, V a, V b) {
    return m ? a : b;
}

static inline VI vi_set1(int32_t a) {
    return a;
}

static inline VI vi_add(VI a, VI b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline VI vi_sub(VI a, VI b) {
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

static inline VI vi_and(VI a, VI b) {
    return a & b;
}

static inline VI vi_or(VI a, VI b) {
    return a | b;
}

#define vi_shl(a, n) ((int32_t)((uint32_t)(a) << (n)))

/* Arithmetic shift: the sign comes in from the left. */
#define vi_shr(a, n) ((int32_t)(a) >> (n))

static inline VI v_bits(V a) {
    VI b;
    memcpy(&b, &a, sizeof b);
    return b;
}

static inline V v_from_bits(VI a) {
    V b;
    memcpy(&b, &a, sizeof b);
    return b;
}

static inline V v_from_int(VI a) {
    return (float)a;
}

#endif
