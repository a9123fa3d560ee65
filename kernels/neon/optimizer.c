/* NEON: optimizer updates. Run under emulation so far, not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/optimizer.h"
