/* One elementary function on all 2^32 floats: within 2 ULP of libm in double on the highest tier, and the same bits on
 * the others.
 *
 *   sweep FUNCTION
 *
 * Without a vector tier the scalar one is held against libm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "elementary.h"

enum { CHUNK = 1 << 16 };

static float x[CHUNK], y[CHUNK], other[CHUNK];

const struct check_rows rows = {
#define ROW(name, tier) .name[CVY_TIER_##tier] = cvy_##name##_##tier,
#define CVY_OPERATION(tiers, result, name, parameters) CVY_TIERS_##tiers(ROW, name)
#include "kernels.def"
};

static void fill(uint32_t chunk) {
    for (uint32_t i = 0; i < CHUNK; i++)
        x[i] = elementary_float(chunk * CHUNK + i);
}

/* Results of the highest tier against the truth; returns the largest distance in ULP. */
static double worst_of_chunk(const elementary *f, double worst) {
    for (uint32_t i = 0; i < CHUNK; i++) {
        const double ulps = check_ulps(y[i], f->truth(x[i]));
        if (!(ulps <= worst)) {
            worst = ulps;
            if (!(ulps <= 2))
                printf("# %s(%a = %.9g): expected %.9g, got %.9g, off by %.3f ULP\n", f->name, x[i], x[i],
                       f->truth(x[i]), y[i], ulps);
        }
    }
    return worst;
}

static bool same_bits(const elementary *f, cvy_tier tier) {
    f->kernel[tier](CHUNK, x, other);
    if (memcmp(y, other, sizeof y) == 0)
        return true;
    for (uint32_t i = 0; i < CHUNK; i++)
        if (check_bits(y[i]) != check_bits(other[i])) {
            printf("# %s(%a): %s gives %a, the highest tier %a\n", f->name, x[i], cvy_tier_name(tier), other[i], y[i]);
            return false;
        }
    return true;
}

static int sweep(const elementary *f, unsigned tiers) {
    const cvy_tier best = cvy_cpu_best(tiers);
    unsigned same = tiers;
    double worst = 0;
    for (uint32_t chunk = 0; chunk < 65536; chunk++) {
        fill(chunk);
        f->kernel[best](CHUNK, x, y);
        worst = worst_of_chunk(f, worst);
        for (unsigned t = 0; t < CVY_TIERS; t++)
            if (same & 1u << t && t != best && !same_bits(f, (cvy_tier)t))
                same &= ~(1u << t);
    }
    printf("1..%d\n%s 1 - %s %s, all floats, at most %.4f ULP\n", __builtin_popcount(tiers),
           worst <= 2 ? "ok" : "not ok", f->name, cvy_tier_name(best), worst);
    int line = 1;
    for (unsigned t = 0; t < CVY_TIERS; t++)
        if (tiers & 1u << t && t != best)
            printf("%s %d - %s %s, the same bits\n", same & 1u << t ? "ok" : "not ok", ++line, f->name,
                   cvy_tier_name((cvy_tier)t));
    return worst <= 2 && same == tiers ? 0 : 1;
}

int main(int argc, char **argv) {
    const elementary *f = argc == 2 ? elementary_named(argv[1]) : NULL;
    if (!f) {
        fprintf(stderr, "usage: sweep exp_f32|log_f32|tanh_f32|sigmoid_f32\n");
        return 2;
    }
    unsigned tiers = 0;
    for (unsigned t = 0; t < CVY_TIERS; t++)
        if (f->kernel[t] && cvy_cpu_tiers() & 1u << t)
            tiers |= 1u << t;
    return sweep(f, tiers);
}
