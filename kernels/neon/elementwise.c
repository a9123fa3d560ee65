/* NEON: operations that take each element by itself. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { ACTIVATE_VECTORS = 4 };

#include "../template/elementwise.h"
