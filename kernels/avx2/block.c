/* AVX2 + FMA: images into a block and out of it. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/block.h"
