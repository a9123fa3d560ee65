/* AVX-512: images into a block and out of it.
 *
 * A tile of 16 x 16 floats is turned in 16 registers by 64 shuffles of two a cycle, which bound gather and reorder:
 * 28x28 bytes to a block and to rows take 190 cycles an image on Zen 5. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/block.h"
