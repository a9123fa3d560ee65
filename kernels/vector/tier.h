/* The tier that a source of this folder is compiled for. meson.build compiles each once a tier, with CVY_TIER as the
 * tier's name and the tier's folder on the include path: vec.h has its vector operations, plan.h its register plans. */
#ifndef CVY_VECTOR_TIER_H
#define CVY_VECTOR_TIER_H

#include "../contract.h"
#include "plan.h"
#include "vec.h"

#include "tile.h"

/* cvy_<operation>_<tier> */
#define KERNEL(operation) KERNEL_ON(operation, CVY_TIER)
#define KERNEL_ON(operation, tier) KERNEL_OF(operation, tier)
#define KERNEL_OF(operation, tier) cvy_##operation##_##tier

#endif
