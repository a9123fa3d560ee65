/* NEON: images into a block and out of it. A tile of 4 x 4 floats is turned in 4 registers. Run under emulation so
 * far, not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/block.h"
