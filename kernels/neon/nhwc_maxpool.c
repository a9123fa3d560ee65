/* NEON: maximum pooling in NHWC. Windows of 2x2 go 4 pixels of y to a vector with one channel, 2 with two; with more
 * the channels fill the lanes. */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/nhwc_maxpool.h"
