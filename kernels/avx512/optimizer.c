/* AVX-512: optimizer updates. rmsprop takes 8.1 cycles a vector of 16 on Zen 5, of which the square root takes 4 and
 * the division 2.5. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/optimizer.h"
