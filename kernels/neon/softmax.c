/* NEON: softmax, and softmax with cross-entropy. The chain of exp bounds it, channels overlapping; a block of
 * 10 channels is a matter of a few hundred cycles. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/softmax.h"
