/* AVX-512: maximum and average pooling. Loads and stores bound it; nothing stays in registers but a window's
 * maximum and its position, or sum. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/pool.h"
