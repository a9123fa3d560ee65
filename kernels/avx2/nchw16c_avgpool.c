/* AVX2 + FMA: average pooling in NCHW16C. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/nchw16c_avgpool.h"
