/* AVX2 + FMA: average pooling in NHWC. Loads and stores bound it, and permutations where pixels go in groups. */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/nhwc_avgpool.h"
