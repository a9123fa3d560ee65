/* AVX2 + FMA: operations that take each element by itself.
 *
 * Activations take 2 vectors side by side: 16 registers hold no more. Silu with its derivative takes 9 cycles a
 * vector of 8 on Zen 5, bound by the FMA pipes. The rest is bound by memory. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

enum { ACTIVATE_VECTORS = 2 };

#include "../template/elementwise.h"
