/* NEON: rows of images on their way to a block. Run under emulation so far, not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/image_rows.h"
