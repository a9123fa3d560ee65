/* AVX2 + FMA: optimizer updates. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/optimizer.h"
