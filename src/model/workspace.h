/* Where a plan's stages have their buffers in a block's workspace. */
#ifndef CVY_WORKSPACE_H
#define CVY_WORKSPACE_H

#include "plan.h"

/* Extents of an image and of its NHWC form: behind each image 16 floats that vector loads may touch. */
cvy_image_shape cvy_plan_image(int32_t height, int32_t width, int32_t channels);

/* Sets the offsets of all buffers of a plan with stages, in its layout, and the workspace's size. */
void cvy_plan_reserve(cvy_plan *plan, const cvy_network *network);

#endif
