/* Vector operations of the scalar tier: vectors of one lane, in plain C.
 *
 * Every tier's folder has a vec.h with these names: V holds VL floats, VI as many 32-bit integers, VM one truth value a
 * lane. All operations work lane by lane and round once, as IEEE 754 says; max and min follow kernels.h. Bodies that
 * hold for every tier (template/) are written in terms of them. */
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

static inline V v_load(const float *p) {
    return *p;
}

static inline V v_loadu(const float *p) {
    return *p;
}

static inline void v_store(float *p, V a) {
    *p = a;
}

static inline void v_storeu(float *p, V a) {
    *p = a;
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

static inline V v_sqrt(V a) {
    return sqrtf(a);
}

/* a * b + c, rounded once. */
static inline V v_fma(V a, V b, V c) {
    return fmaf(a, b, c);
}

/* -(a * b) + c, rounded once. */
static inline V v_fnma(V a, V b, V c) {
    return fmaf(-a, b, c);
}

/* a > b ? a : b, so that with a NaN the second operand wins. */
static inline V v_max(V a, V b) {
    return a > b ? a : b;
}

/* a < b ? a : b. */
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

/* m ? a : b */
static inline V v_select(VM m, V a, V b) {
    return m ? a : b;
}

static inline VM m_and(VM a, VM b) {
    return a && b;
}

static inline VM m_or(VM a, VM b) {
    return a || b;
}

/* !a && b */
static inline VM m_andnot(VM a, VM b) {
    return !a && b;
}

static inline bool m_any(VM a) {
    return a;
}

static inline VI vi_set1(int32_t a) {
    return a;
}

static inline VI vi_load(const int32_t *p) {
    return *p;
}

static inline VI vi_loadu(const int32_t *p) {
    return *p;
}

static inline void vi_store(int32_t *p, VI a) {
    *p = a;
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

static inline VM vi_eq(VI a, VI b) {
    return a == b;
}

static inline VM vi_gt(VI a, VI b) {
    return a > b;
}

static inline VI vi_select(VM m, VI a, VI b) {
    return m ? a : b;
}

/* The bits of a float, and the float of given bits. */
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

/* An integer as float. */
static inline V v_from_int(VI a) {
    return (float)a;
}

#endif
