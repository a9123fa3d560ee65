/* AVX2 + FMA: images into a block and out of it.
 *
 * A tile of 8 x 8 floats is turned in 8 registers by 24 shuffles, which bound gather and reorder: 28x28 bytes to a
 * block and to rows take 215 cycles an image on Zen 5. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/block.h"
