/* AVX-512: the peak of fused multiply-adds. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512
#define PEAK_AT_ONCE 16

#include "../template/peak.h"
