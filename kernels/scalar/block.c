/* Images into a block and out of it: gather, reorder, pad, crop. */
#include "../contract.h"
#include "layout.h"

/* Leaves a gathered value in the block, and in the NHWC rows where they are wanted. */
static void place(const cvy_image_shape *shape, int l, int y, int x, int c, float value, float *block, float *rows) {
    block[hwc16n(shape->width, shape->channels, y, x, c) + l] = value;
    if (rows)
        rows[nhwc(shape, l, y, x, c)] = value;
}

/* Strides of an image of a data set, which is dense. */
static cvy_image_shape dense_strides(const cvy_image_shape *shape) {
    cvy_image_shape dense = *shape;
    dense.row = dense.width * dense.channels;
    dense.image = dense.height * dense.row;
    return dense;
}

void cvy_gather_u8_hwc16n_scalar(const cvy_image_shape *shape, const uint8_t *images, const uint32_t *index,
                                 int32_t count, float *block, float *rows) {
    assert(cvy_is_lane_count(count) && (rows ? cvy_is_strided_image(shape) : cvy_is_image(shape)));
    assert(cvy_is_aligned(block) && (!rows || cvy_is_float_aligned(rows)));
    const cvy_image_shape dense = dense_strides(shape);
    for (int l = 0; l < CVY_LANES; l++) {
        const uint8_t *image = l < count ? images + (size_t)index[l] * (size_t)dense.image : NULL;
        for (int y = 0; y < shape->height; y++)
            for (int x = 0; x < shape->width; x++)
                for (int c = 0; c < shape->channels; c++)
                    place(shape, l, y, x, c, image ? (float)image[nhwc(&dense, 0, y, x, c)] : 0.0f, block, rows);
    }
}

void cvy_gather_f32_hwc16n_scalar(const cvy_image_shape *shape, const float *images, const uint32_t *index,
                                  int32_t count, float *block, float *rows) {
    assert(cvy_is_lane_count(count) && (rows ? cvy_is_strided_image(shape) : cvy_is_image(shape)));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(block) && (!rows || cvy_is_float_aligned(rows)));
    const cvy_image_shape dense = dense_strides(shape);
    for (int l = 0; l < CVY_LANES; l++) {
        const float *image = l < count ? images + (size_t)index[l] * (size_t)dense.image : NULL;
        for (int y = 0; y < shape->height; y++)
            for (int x = 0; x < shape->width; x++)
                for (int c = 0; c < shape->channels; c++)
                    place(shape, l, y, x, c, image ? image[nhwc(&dense, 0, y, x, c)] : 0.0f, block, rows);
    }
}

void cvy_reorder_hwc16n_nhwc_scalar(const cvy_image_shape *shape, const float *block, float *images) {
    assert(cvy_is_strided_image(shape));
    assert(cvy_is_aligned(block) && cvy_is_float_aligned(images));
    for (int l = 0; l < CVY_LANES; l++)
        for (int y = 0; y < shape->height; y++)
            for (int x = 0; x < shape->width; x++)
                for (int c = 0; c < shape->channels; c++)
                    images[nhwc(shape, l, y, x, c)] = block[hwc16n(shape->width, shape->channels, y, x, c) + l];
}

void cvy_reorder_nhwc_hwc16n_scalar(const cvy_image_shape *shape, const float *images, int32_t count, float *block) {
    assert(cvy_is_strided_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(block));
    for (int y = 0; y < shape->height; y++)
        for (int x = 0; x < shape->width; x++)
            for (int c = 0; c < shape->channels; c++)
                for (int l = 0; l < CVY_LANES; l++)
                    block[hwc16n(shape->width, shape->channels, y, x, c) + l] =
                        l < count ? images[nhwc(shape, l, y, x, c)] : 0.0f;
}

void cvy_pad_hwc16n_scalar(const cvy_image_shape *shape, int32_t top, int32_t left, int32_t padded_height,
                           int32_t padded_width, const float *x, float *y) {
    assert(cvy_is_padding(shape, top, left, padded_height, padded_width));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y));
    const size_t padded = hwc16n(padded_width, shape->channels, padded_height, 0, 0);
    for (size_t i = 0; i < padded; i++)
        y[i] = 0.0f;
    const int row = shape->width * shape->channels * CVY_LANES;
    for (int iy = 0; iy < shape->height; iy++) {
        const float *from = x + hwc16n(shape->width, shape->channels, iy, 0, 0);
        float *to = y + hwc16n(padded_width, shape->channels, top + iy, left, 0);
        for (int i = 0; i < row; i++)
            to[i] = from[i];
    }
}

void cvy_crop_hwc16n_scalar(const cvy_image_shape *shape, int32_t top, int32_t left, int32_t padded_height,
                            int32_t padded_width, const float *dy, const float *derivative, float *dx) {
    assert(cvy_is_padding(shape, top, left, padded_height, padded_width));
    assert(cvy_is_aligned(dy) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    (void)padded_height; /* the rows below the interior are not looked at */
    const int row = shape->width * shape->channels * CVY_LANES;
    for (int iy = 0; iy < shape->height; iy++) {
        const float *from = dy + hwc16n(padded_width, shape->channels, top + iy, left, 0);
        const size_t to = hwc16n(shape->width, shape->channels, iy, 0, 0);
        for (int i = 0; i < row; i++)
            dx[to + i] = derivative ? from[i] * derivative[to + i] : from[i];
    }
}
