/* AVX2 + FMA: maximum pooling in NCHW16C. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/nchw16c_maxpool.h"
