/* AVX2: rows of images on their way to a block. Loads bound all three: 28 floats of a row are four vectors. */
#include "vec.h"

#define KERNEL(operation) cvy_##operation##_avx2

#include "../template/image_rows.h"
