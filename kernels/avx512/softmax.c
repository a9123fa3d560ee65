/* AVX-512: softmax, and softmax with cross-entropy. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/softmax.h"
