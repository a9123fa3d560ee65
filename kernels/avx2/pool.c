/* AVX2 + FMA: maximum and average pooling. Loads and stores bound it; nothing stays in registers but a window's
 * maximum and its position, or sum. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/pool.h"
