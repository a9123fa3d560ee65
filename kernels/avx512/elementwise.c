/* AVX-512: operations that take each element by itself. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { ACTIVATE_VECTORS = 4 };

#include "../template/elementwise.h"
