/* AVX-512: NCHW16C from and to the other layouts. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/nchw16c_reorder.h"
