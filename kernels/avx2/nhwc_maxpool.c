/* AVX2 + FMA: maximum pooling in NHWC.
 *
 * 24x24x3, windows of 2x2, go 2 pixels of y to a vector; 32 images take 6.4 microseconds forward with winners and 7.3
 * backward on a core (gcc 12, Zen 5). */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/nhwc_maxpool.h"
