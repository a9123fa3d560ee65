#include "tier.h"

#include <stdio.h>
#include <stdlib.h>

/* "scalar, avx2" of a set of tiers. */
static const char *list_tiers(unsigned tiers, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int t = 0; t < CVY_TIERS; t++)
        if (tiers >> t & 1)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", cvy_tier_name((cvy_tier)t));
    return text;
}

bool cvy_tier_choose(const char *wanted, cvy_tier *tier, const char **why, cvy_status *status) {
    unsigned tiers = cvy_cpu_tiers();
    const char *where = "isa";
    *why = "asked for";
    if (!wanted) {
        wanted = getenv("CONVOY_ISA");
        where = *why = "CONVOY_ISA";
    }
    if (!wanted || !*wanted) {
        *tier = cvy_cpu_best(tiers);
        *why = "the best this machine runs";
        return true;
    }
    char names[64];
    if (!cvy_tier_from_name(wanted, tier))
        return cvy_fail(status, CVY_USAGE, where, "\"%s\" is no instruction set; expected one of %s", wanted,
                        list_tiers((1u << CVY_TIERS) - 1, names, sizeof names));
    if (!(tiers >> *tier & 1))
        return cvy_fail(status, CVY_USAGE, where, "this machine does not run %s; it runs %s", wanted,
                        list_tiers(tiers, names, sizeof names));
    return true;
}
