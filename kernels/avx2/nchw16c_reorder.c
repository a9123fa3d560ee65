/* AVX2 + FMA: NCHW16C from and to the other layouts. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/nchw16c_reorder.h"
