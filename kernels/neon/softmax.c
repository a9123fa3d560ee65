/* NEON: softmax, and softmax with cross-entropy. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/softmax.h"
