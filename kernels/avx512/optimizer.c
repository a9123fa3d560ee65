/* AVX-512: optimizer updates. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/optimizer.h"
