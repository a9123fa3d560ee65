/* A block of 1 to 16 images in NHWC on its way through a plan of that layout: inference. block.h's functions come here.
 */
#ifndef CVY_BLOCK_NHWC_H
#define CVY_BLOCK_NHWC_H

#include "block.h"

const float *cvy_block_forward_nhwc(const cvy_block *block, const float *parameters);

#endif
