/* NEON: exp, log, tanh and sigmoid over arrays. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

#include "../template/elementary_f32.h"
