/* The instruction-set tier to run on. */
#ifndef CVY_TIER_H
#define CVY_TIER_H

#include "../../kernels/cpu.h"
#include "../base/status.h"

/* Chooses the tier: `wanted` if not NULL, else $CONVOY_ISA if set, else the best this machine runs. *why
 * becomes "asked for", "CONVOY_ISA" or "the best this machine runs". An unknown name, or a tier that this machine
 * lacks, is an error (CVY_USAGE) that says so and lists what there is. */
bool cvy_tier_choose(const char *wanted, cvy_tier *tier, const char **why, cvy_status *status);

#endif
