/* AVX-512: average pooling in NCHW16C. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/nchw16c_avgpool.h"
