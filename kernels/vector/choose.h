/* Max-pool before the activation: which of a window's four z's the activation will be largest at. */
#ifndef CVY_VECTOR_CHOOSE_H
#define CVY_VECTOR_CHOOSE_H

#include "activation.h"

/* About log2(silu(b) / silu(a)), for b < CVY_SILU_LOW <= a < CVY_SILU_TINY: at most SILU_DOUBT away from it.
 *
 * log2|silu(z)| = log2|z| + z log2(e) - log2(1 + exp(z)). The bits of a float, read as an integer, are 2^23 log2|z| but
 * for a constant and 0 to 0.0861. For b the last term lies between 0 and 0.355: taken as 0.1775. For a it is
 * within 0.0339 of 0.5024 a + 0.9662. */
#define SILU_DOUBT 0.3f

TILE_BODY V silu_ratio(V a, V b) {
    const V exponents = v_from_int(vi_sub(v_bits(b), v_bits(a)));
    const V slopes = v_fma(a, v_set1(0.5024f - CVY_LOG2_E), v_fma(b, v_set1(CVY_LOG2_E), v_set1(0.9662f - 0.1775f)));
    return v_fma(exponents, v_set1(0x1p-23f), slopes);
}

/* The z of a window at which the activation is largest. Every activation but silu has its maximum at the largest z. For
 * silu two sigmoids decide only where the largest z lies between silu's minimum and 0, the smallest z lies below that
 * minimum, and the estimate leaves a doubt, which is rare. Two sigmoids for every window would cost more than
 * everything else here. */
TILE_BODY V choose(const bool silu, const V z[4]) {
    const V a = v_max(v_max(z[0], z[1]), v_max(z[2], z[3]));
    if (!silu)
        return a;
    const V b = v_min(v_min(z[0], z[1]), v_min(z[2], z[3])), low = v_set1(CVY_SILU_LOW);
    const V ratio = silu_ratio(a, b);
    const VM either = m_and(v_lt(a, v_set1(CVY_SILU_TINY)), v_lt(b, low));
    VM take_b = m_or(v_lt(a, low), m_and(either, v_lt(ratio, v_set1(-SILU_DOUBT))));
    const VM doubt = m_andnot(take_b, m_and(either, v_lt(ratio, v_set1(SILU_DOUBT))));
    if (__builtin_expect(m_any(doubt), 0)) {
        const V both[2] = {a, b};
        V y[2], s[2];
        v_silu_each(2, both, y, s);
        take_b = m_or(take_b, m_and(doubt, v_gt(y[1], y[0])));
    }
    return v_select(take_b, b, a);
}

#endif
