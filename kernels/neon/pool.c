/* NEON: maximum and average pooling. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/pool.h"
