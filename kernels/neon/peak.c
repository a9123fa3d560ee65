/* NEON: the peak of fused multiply-adds. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon
#define PEAK_AT_ONCE 16

#include "../template/peak.h"
