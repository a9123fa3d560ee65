/* AVX2 + FMA: operations that take each element by itself. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { ACTIVATE_VECTORS = 2 };

#include "../template/elementwise.h"
