/* AVX-512: exp, log, tanh and sigmoid over arrays. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/elementary_f32.h"
