/* AVX2: the peak of fused multiply-adds. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2
#define PEAK_AT_ONCE 8

#include "../template/peak.h"
