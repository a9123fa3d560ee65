/* AVX-512: operations that take each element by itself.
 *
 * Activations take 4 vectors side by side. Silu with its derivative is 12 FMA operations and a division: 8 cycles a
 * vector on Zen 5, two FMA pipes and a divider that takes a vector every 2.5 cycles. The rest is bound by memory. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

enum { ACTIVATE_VECTORS = 4 };

#include "../template/elementwise.h"
