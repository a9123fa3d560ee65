/* NEON: images into a block and out of it. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/block.h"
