#include "kernels.h"

/* Every kernel in the order of its operation's tiers: the scalar one sets the slot, each higher tier up to `tier`
 * replaces it. The order of the enumeration is the order of capability within a processor family. */
void cvy_kernels_fill(cvy_kernels *table, cvy_tier tier) {
#define FILL(name, row)                                                                                                \
    if (CVY_TIER_##row <= tier)                                                                                        \
        table->name = cvy_##name##_##row;
#define CVY_OPERATION(tiers, result, name, parameters) CVY_TIERS_##tiers(FILL, name)
#include "kernels.def"
}
