/* AVX-512: rows of images on their way to a block. Loads bound all three: 28 floats of a row are two vectors. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx512

#include "../template/image_rows.h"
