/* AVX2 + FMA: optimizer updates. rmsprop takes 8.2 cycles a vector of 8 on Zen 5, as many as AVX-512 for 16: the
 * divider's rate is per vector. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/optimizer.h"
