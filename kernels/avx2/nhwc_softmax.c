/* AVX2 + FMA: softmax in NHWC, and softmax with cross-entropy. The chains of exp and of the sum bound it; those of
 * successive rows overlap. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/nhwc_softmax.h"
