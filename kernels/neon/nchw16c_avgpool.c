/* NEON: average pooling in NCHW16C. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/nchw16c_avgpool.h"
