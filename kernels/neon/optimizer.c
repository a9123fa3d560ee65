/* NEON: optimizer updates. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/optimizer.h"
