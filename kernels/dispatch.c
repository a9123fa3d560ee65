#include "kernels.h"

/* Every row of kernels.def in its order: the scalar row of an operation sets the slot, each higher tier's row replaces
 * it, and the rows of tiers above `tier` are skipped. The order of the enumeration is the order of capability on each
 * processor family; AVX and NEON rows never meet, as CVY_ON_* leaves only one family's. */
void cvy_kernels_fill(cvy_kernels *table, cvy_tier tier) {
#define CVY_OPERATION(result, name, parameters)
#define CVY_KERNEL(name, row) CVY_ON_##row(if (CVY_TIER_##row <= tier) table->name = cvy_##name##_##row;)
#include "kernels.def"
}
