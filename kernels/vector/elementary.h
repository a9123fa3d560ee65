/* exp, log, tanh and sigmoid in the vector operations of a tier's vec.h, which is included before this.
 *
 * Each function is one fixed sequence of correctly rounded operations without branches, so every tier gives the same
 * bits: zeros, subnormals, infinities and NaN are handled by clamping and selecting. A bound is clamped with the
 * argument as the second operand of max or min, so that NaN passes through. Largest errors over all 2^32 floats, in
 * units of the last place: exp 1.01, log 0.84, tanh 1.34, sigmoid 1.95.
 *
 * Reduction: x = n ln 2 + r with |r| <= ln(2) / 2 and n the integer nearest x / ln 2. ln 2 = LN2_HI + LN2_LO, where
 * LN2_HI has 15 significant bits: |n| <= 150 has 8, so n * LN2_HI is exact. Adding 1.5 * 2^23 to x / ln 2 rounds it to
 * n and leaves n in the low bits of the sum; shifted left by 23, only n remains of those bits.
 *
 * The polynomials are minimax in the stated error (Remez exchange at 50 digits), their coefficients then rounded. */
#ifndef CVY_VECTOR_ELEMENTARY_H
#define CVY_VECTOR_ELEMENTARY_H

#include "tile.h"
#include "vec.h"

/* Inlined even where a compiler finds it long: a call would empty all vector registers. */
#define ELEMENTARY static inline __attribute__((always_inline))

#define CVY_LOG2_E 0x1.715476p+0f
#define CVY_LN2_HI 0x1.62e4p-1f
#define CVY_LN2_LO 0x1.7f7d1cp-20f
#define CVY_ROUND_TO_INT 0x1.8p+23f /* 1.5 * 2^23 */

/* q(r) with exp(r) = 1 + r + r^2 q(r) within 2^-28.3 relative, for |r| <= ln(2) / 2. */
#define CVY_EXP_Q0 0x1.fffffcp-2f
#define CVY_EXP_Q1 0x1.555492p-3f
#define CVY_EXP_Q2 0x1.5558f2p-5f
#define CVY_EXP_Q3 0x1.1239e4p-7f
#define CVY_EXP_Q4 0x1.6a244ap-10f

#ifndef CVY_VEC_LDEXP
/* p * 2^n, rounded once, for p near 1 and n in [-150, 150], which stands in the low bits of n_bits: the product with
 * the first half of 2^n is a normal number, so only the second can round. */
static inline V v_ldexp(V p, V n, VI n_bits) {
    VI half = vi_shr(n_bits, 1), one = vi_set1(0x3f800000);
    (void)n;
    p = v_mul(p, v_from_bits(vi_add(vi_shl(half, 23), one)));
    return v_mul(p, v_from_bits(vi_add(vi_shl(vi_sub(n_bits, half), 23), one)));
}
#endif

/* exp(-104) < 2^-150 rounds to zero and exp(89) > 2^128 to infinity. */
ELEMENTARY V v_exp(V x) {
    const V shift = v_set1(CVY_ROUND_TO_INT), one = v_set1(1.0f);
    x = v_min(v_set1(89.0f), v_max(v_set1(-104.0f), x));
    V sum = v_fma(x, v_set1(CVY_LOG2_E), shift), n = v_sub(sum, shift);
    V r = v_fnma(n, v_set1(CVY_LN2_LO), v_fnma(n, v_set1(CVY_LN2_HI), x));
    V q = v_set1(CVY_EXP_Q4);
    q = v_fma(q, r, v_set1(CVY_EXP_Q3));
    q = v_fma(q, r, v_set1(CVY_EXP_Q2));
    q = v_fma(q, r, v_set1(CVY_EXP_Q1));
    q = v_fma(q, r, v_set1(CVY_EXP_Q0));
    return v_ldexp(v_add(one, v_fma(v_mul(r, r), q, r)), n, v_bits(sum));
}

/* Before a statement about element i of the vectors in work side by side. */
#define EACH UNROLL for (int i = 0; i < count; i++)

/* y = 1 / (1 + exp(-x)), where x is raised to `least` >= -104, for up to 4 vectors, a constant number of them, step by
 * step side by side: one alone waits for its own results most of the time.
 *
 * With exp(-x) = 2^n (1 + t) the denominator is 2^n t + (2^n + 1), rounded once. Numerator and denominator are scaled
 * by 2^-32, so that 2^n may reach exp(104), beyond which the quotient rounds to zero; below exp(-30) the quotient is 1.
 * The reduction yields u = -r (which saves negating x), and -t = u - u^2 q(-u). Where n = 24 the sum 2^n + 1 is a tie
 * and loses the one, 2^-24 of the denominator: the numerator gives it back. */
ELEMENTARY void v_sigmoid_from_each(const int count, const float least, const V *x, V *y) {
    const V shift = v_set1(CVY_ROUND_TO_INT), one = v_set1(0x1p-32f);
    V sum[4], n[4], u[4], q[4], scale[4];
    EACH u[i] = v_max(v_set1(least), v_min(v_set1(30.0f), x[i]));
    EACH sum[i] = v_fma(u[i], v_set1(-CVY_LOG2_E), shift);
    EACH n[i] = v_sub(sum[i], shift);
    EACH scale[i] = v_from_bits(vi_add(vi_shl(v_bits(sum[i]), 23), vi_set1((127 - 32) * (1 << 23))));
    EACH u[i] = v_fma(n[i], v_set1(CVY_LN2_HI), u[i]);
    EACH u[i] = v_fma(n[i], v_set1(CVY_LN2_LO), u[i]);
    EACH q[i] = v_fma(v_set1(CVY_EXP_Q4), u[i], v_set1(-CVY_EXP_Q3));
    EACH q[i] = v_fma(q[i], u[i], v_set1(CVY_EXP_Q2));
    EACH q[i] = v_fma(q[i], u[i], v_set1(-CVY_EXP_Q1));
    EACH q[i] = v_fma(q[i], u[i], v_set1(CVY_EXP_Q0));
    EACH u[i] = v_fnma(v_mul(u[i], u[i]), q[i], u[i]); /* -t */
    EACH q[i] = v_fnma(scale[i], u[i], v_add(scale[i], one));
    EACH y[i] = v_div(v_select(v_eq(n[i], v_set1(24.0f)), v_set1(0x1.fffffep-33f), one), q[i]);
}

ELEMENTARY void v_sigmoid_each(const int count, const V *x, V *y) {
    v_sigmoid_from_each(count, -104.0f, x, y);
}

ELEMENTARY V v_sigmoid(V x) {
    V y;
    v_sigmoid_each(1, &x, &y);
    return y;
}

/* x + x^3 p(x^2) for |x| < 0.55, where p has degree 4 and makes the relative error at most 2^-29.8; above,
 * 1 - 2 sigmoid(-2|x|) with the sign of x: there the quotient's errors count for a quarter. */
ELEMENTARY V v_tanh(V x) {
    const VI sign_bit = vi_set1(INT32_MIN);
    V square = v_mul(x, x);
    V p = v_set1(-0x1.9b249cp-8f);
    p = v_fma(p, square, v_set1(0x1.593b16p-6f));
    p = v_fma(p, square, v_set1(-0x1.b92842p-5f));
    p = v_fma(p, square, v_set1(0x1.110d24p-3f));
    p = v_fma(p, square, v_set1(-0x1.55554ap-2f));
    V small = v_select(v_eq(x, v_zero()), x, v_fma(v_mul(x, square), p, x)); /* keeps -0 */
    V minus_abs = v_from_bits(vi_or(v_bits(x), sign_bit));
    V large = v_fnma(v_set1(2.0f), v_sigmoid(v_add(minus_abs, minus_abs)), v_set1(1.0f));
    large = v_from_bits(vi_or(v_bits(large), vi_and(v_bits(x), sign_bit)));
    return v_select(v_gt(minus_abs, v_set1(-0.55f)), small, large);
}

/* x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2): log(1 + f) = f - f^2 / 2 + f^3 p(f), where p has degree 8 and
 * makes the relative error at most 2^-30.3. Subnormals are scaled by 2^23 first. */
ELEMENTARY V v_log(V x) {
    const VI sqrt_half = vi_set1(0x3f3504f3);
    VM tiny = v_lt(x, v_set1(0x1p-126f));
    VI bits = v_bits(v_select(tiny, v_mul(x, v_set1(0x1p+23f)), x));
    VI exponent = vi_shr(vi_sub(bits, sqrt_half), 23);
    V f = v_sub(v_from_bits(vi_sub(bits, vi_shl(exponent, 23))), v_set1(1.0f));
    V k = v_sub(v_from_int(exponent), v_select(tiny, v_set1(23.0f), v_zero()));
    V p = v_set1(0x1.145b1cp-4f);
    p = v_fma(p, f, v_set1(-0x1.de3e60p-4f));
    p = v_fma(p, f, v_set1(0x1.e6f010p-4f));
    p = v_fma(p, f, v_set1(-0x1.fc219cp-4f));
    p = v_fma(p, f, v_set1(0x1.233768p-3f));
    p = v_fma(p, f, v_set1(-0x1.555c50p-3f));
    p = v_fma(p, f, v_set1(0x1.99a4b6p-3f));
    p = v_fma(p, f, v_set1(-0x1.000006p-2f));
    p = v_fma(p, f, v_set1(0x1.555548p-2f));
    V f2 = v_mul(f, f);
    V tail = v_fma(v_mul(f, f2), p, v_mul(k, v_set1(CVY_LN2_LO)));
    V y = v_fma(k, v_set1(CVY_LN2_HI), v_add(f, v_fnma(v_set1(0.5f), f2, tail)));
    y = v_select(v_lt(x, v_set1(INFINITY)), y, x);
    y = v_select(v_lt(x, v_zero()), v_set1(NAN), y);
    return v_select(v_eq(x, v_zero()), v_set1(-INFINITY), y);
}

#endif
