/* AVX-512: images into a block and out of it. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/block.h"
