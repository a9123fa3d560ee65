/* NEON: operations that take each element by itself. Activations take 4 vectors side by side. Run under
 * emulation so far, not timed. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_neon

enum { ACTIVATE_VECTORS = 4 };

#include "../template/elementwise.h"
