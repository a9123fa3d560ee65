/* AVX-512: maximum pooling in NHWC.
 *
 * 24x24x3, windows of 2x2, go 5 pixels of y to a vector; 32 images take 4.4 microseconds forward with winners and 6.0
 * backward on a core (gcc 12, Zen 5; oneDNN 3.2 in the same run 14 and 87). 24x24x32: 30 and 42 (27 and 40), bound by
 * what is read and written, of which the winners are a part. */
#include "permute.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/nhwc_maxpool.h"
