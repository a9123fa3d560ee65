/* AVX2 + FMA: exp, log, tanh and sigmoid over arrays. The FMA pipes bound long arrays, their latency short ones. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/elementary_f32.h"
