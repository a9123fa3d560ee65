/* NCHW16C from and to the other layouts. */
#include "../contract.h"
#include "layout.h"
#include "tensor.h"

static tensor tensor_of(const cvy_image_shape *shape) {
    return nchw16c_tensor(shape->height, shape->width, shape->channels);
}

void cvy_reorder_nhwc_nchw16c_scalar(const cvy_image_shape *shape, int32_t count, const float *images, float *y) {
    assert(cvy_is_strided_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(y));
    const tensor e = tensor_of(shape);
    for (int n = 0; n < count; n++)
        for (int iy = 0; iy < shape->height; iy++)
            for (int ix = 0; ix < shape->width; ix++)
                for (int c = 0; c < e.stored; c++)
                    y[element(&e, n, iy, ix, c)] = c < shape->channels ? images[nhwc(shape, n, iy, ix, c)] : 0.0f;
}

void cvy_reorder_nchw16c_nhwc_scalar(const cvy_image_shape *shape, int32_t count, const float *x, float *images) {
    assert(cvy_is_strided_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_float_aligned(images));
    const tensor e = tensor_of(shape);
    for (int n = 0; n < count; n++)
        for (int iy = 0; iy < shape->height; iy++)
            for (int ix = 0; ix < shape->width; ix++)
                for (int c = 0; c < shape->channels; c++)
                    images[nhwc(shape, n, iy, ix, c)] = x[element(&e, n, iy, ix, c)];
}

void cvy_reorder_hwc16n_nchw16c_scalar(const cvy_image_shape *shape, int32_t count, const float *block, float *y) {
    assert(cvy_is_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(block) && cvy_is_aligned(y));
    const tensor e = tensor_of(shape);
    for (int n = 0; n < count; n++)
        for (int iy = 0; iy < shape->height; iy++)
            for (int ix = 0; ix < shape->width; ix++)
                for (int c = 0; c < e.stored; c++)
                    y[element(&e, n, iy, ix, c)] =
                        c < shape->channels ? block[hwc16n(shape->width, shape->channels, iy, ix, c) + n] : 0.0f;
}

void cvy_reorder_nchw16c_hwc16n_scalar(const cvy_image_shape *shape, int32_t count, const float *x, float *block) {
    assert(cvy_is_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(block));
    const tensor e = tensor_of(shape);
    for (int n = 0; n < CVY_LANES; n++)
        for (int iy = 0; iy < shape->height; iy++)
            for (int ix = 0; ix < shape->width; ix++)
                for (int c = 0; c < shape->channels; c++)
                    block[hwc16n(shape->width, shape->channels, iy, ix, c) + n] =
                        n < count ? x[element(&e, n, iy, ix, c)] : 0.0f;
}
