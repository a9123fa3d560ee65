/* NEON: operations that take each element by itself. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/elementwise.h"
