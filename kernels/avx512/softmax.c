/* AVX-512: softmax, and softmax with cross-entropy. The chain of exp bounds it, channels overlapping; a block of
 * 10 channels is a matter of 140 cycles on Zen 5. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/softmax.h"
