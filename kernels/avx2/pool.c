/* AVX2 + FMA: maximum and average pooling. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/pool.h"
