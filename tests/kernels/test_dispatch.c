/* The tiers of this machine, their names, and the table. */
#include <string.h>

#include "check.h"
#include "cpu.h"

/* kernels.def may give an operation a scalar kernel alone. */
#define BIT(name, tier) | 1u << CVY_TIER_##tier
_Static_assert((0 CVY_TIERS_scalar(BIT, )) == 1u << CVY_TIER_scalar, "the set named scalar has one tier");

/* Every slot holds its operation's kernel of the highest tier, up to `cap`, that has one. */
static void check_table(check *c, cvy_tier cap) {
    cvy_kernels table;
    memset(&table, 0, sizeof table);
    cvy_kernels_fill(&table, cap);
    int t;
#define CVY_OPERATION(tiers, result, name, parameters)                                                                 \
    for (t = (int)cap; t > CVY_TIER_scalar && !rows.name[t];)                                                          \
        t--;                                                                                                           \
    if (!table.name || table.name != rows.name[t])                                                                     \
        check_fail(c, "%s: the slot does not hold the kernel of %s", #name, cvy_tier_name((cvy_tier)t));
#include "kernels.def"
}

static void check_names(check *c) {
    static const char *const names[CVY_TIERS] = {"scalar", "avx2", "avx512", "neon"};
    static const char *const strangers[] = {"", "Scalar", "avx", "avx5122", "sse2", " avx2"};
    cvy_tier tier;
    for (int t = 0; t < CVY_TIERS; t++)
        if (strcmp(cvy_tier_name((cvy_tier)t), names[t]) != 0 || !cvy_tier_from_name(names[t], &tier) ||
            tier != (cvy_tier)t)
            check_fail(c, "tier %d is not %s both ways", t, names[t]);
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (cvy_tier_from_name(strangers[i], &tier))
            check_fail(c, "'%s' is taken for a tier", strangers[i]);
}

/* The compiler's run-time library reads CPUID and XCR0 too. */
static unsigned tiers_by_compiler(void) {
    unsigned tiers = 1u << CVY_TIER_scalar;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        tiers |= 1u << CVY_TIER_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        tiers |= 1u << CVY_TIER_avx512;
#elif defined(__aarch64__)
    tiers |= 1u << CVY_TIER_neon; /* part of the base architecture that Linux needs */
#endif
    return tiers;
}

void test_dispatch(check *c) {
    check_case(c, 0, CHECK_SPECIAL, "table");
    CHECK_EACH_TIER(c) {
        check_table(c, c->tier);
        check_names(c);
        if (cvy_cpu_tiers() != tiers_by_compiler())
            check_fail(c, "tiers are 0x%x, the compiler's library says 0x%x", cvy_cpu_tiers(), tiers_by_compiler());
        if (cvy_cpu_best(1u << CVY_TIER_scalar | 1u << c->tier) != c->tier)
            check_fail(c, "the best of scalar and %s is another", cvy_tier_name(c->tier));
    }
}
