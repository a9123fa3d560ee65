/* AVX-512: maximum and average pooling. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/pool.h"
