/* Which tiers this machine may run. */
#ifndef CVY_CPU_H
#define CVY_CPU_H

#include <stdbool.h>

#include "kernels.h"

/* Bit t is set if this processor and operating system run tier t (CPUID with XGETBV on x86, HWCAP on ARM). Bit
 * CVY_TIER_scalar is always set. */
unsigned cvy_cpu_tiers(void);

/* The highest tier in a set of tiers as returned by cvy_cpu_tiers(). */
cvy_tier cvy_cpu_best(unsigned tiers);

/* "scalar", "avx2", "avx512", "neon". */
const char *cvy_tier_name(cvy_tier tier);

/* The tier of that name; false if there is none. */
bool cvy_tier_from_name(const char *name, cvy_tier *tier);

#endif
