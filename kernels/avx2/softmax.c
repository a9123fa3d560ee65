/* AVX2 + FMA: softmax, and softmax with cross-entropy. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/softmax.h"
