/* NCHW16C from and to the other layouts. From and to NHWC a pixel's 16 channels are copied, from and to HWC16N 16
 * channels x 16 images are turned in registers. */
#include "tier.h"

enum { BLOCK = 16 };

static inline int blocks_of(int channels) {
    return (channels + BLOCK - 1) / BLOCK;
}

/* ---- NHWC ------------------------------------------------------------------------------------------------------- */

/* VL lanes of which the first `count` are kept and the others +0; a count beyond VL keeps all, one below 0 none. */
TILE_BODY V keep_first(V a, int count) {
    static const float lane[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return v_select(v_lt(v_loadu(lane), v_set1((float)count)), a, v_zero());
}

/* `pixels` pixels of a row; `channels` channels of each, at most 16. */
TILE_BODY void row_to_block(int pixels, int channels, size_t pixel, const float *from, float *to) {
    for (int p = 0; p < pixels; p++, from += pixel, to += BLOCK)
        UNROLL for (int i = 0; i < BLOCK; i += VL)
            v_store(to + i, i < channels ? keep_first(v_loadu(from + i), channels - i) : v_zero());
}

TILE_BODY void row_from_block(int pixels, int channels, size_t pixel, const float *from, float *to) {
    for (int p = 0; p < pixels; p++, from += BLOCK, to += pixel)
        UNROLL for (int i = 0; i < BLOCK; i += VL) {
            if (i + VL <= channels)
                v_storeu(to + i, v_load(from + i));
            else if (i < channels)
                v_store_first(to + i, v_load(from + i), channels - i);
        }
}

void KERNEL(reorder_nhwc_nchw16c)(const cvy_image_shape *shape, int32_t count, const float *images, float *y) {
    assert(cvy_is_strided_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(y));
    const int width = shape->width, channels = shape->channels;
    for (int n = 0; n < count; n++) {
        for (int c = 0; c < channels; c += BLOCK) {
            const float *from = images + (size_t)n * shape->image + c;
            for (int iy = 0; iy < shape->height; iy++, from += shape->row, y += (size_t)width * BLOCK) {
                if (channels - c >= BLOCK)
                    row_to_block(width, BLOCK, channels, from, y);
                else
                    row_to_block(width, channels - c, channels, from, y);
            }
        }
    }
}

void KERNEL(reorder_nchw16c_nhwc)(const cvy_image_shape *shape, int32_t count, const float *x, float *images) {
    assert(cvy_is_strided_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_float_aligned(images));
    const int width = shape->width, channels = shape->channels;
    for (int n = 0; n < count; n++) {
        for (int c = 0; c < channels; c += BLOCK) {
            float *to = images + (size_t)n * shape->image + c;
            for (int iy = 0; iy < shape->height; iy++, to += shape->row, x += (size_t)width * BLOCK) {
                if (channels - c >= BLOCK)
                    row_from_block(width, BLOCK, channels, x, to);
                else
                    row_from_block(width, channels - c, channels, x, to);
            }
        }
    }
}

/* ---- HWC16N ----------------------------------------------------------------------------------------------------- */

/* One pixel's 16 channels, of which `channels` exist: lanes l < count of the block to images `image` floats apart. */
TILE_BODY void lanes_to_images(int channels, int count, const float *lanes, size_t image, float *to) {
    for (int l = 0; l < count; l += VL) {
        for (int c = 0; c < BLOCK; c += VL) {
            V r[VL];
            UNROLL for (int i = 0; i < VL; i++) r[i] =
                c + i < channels ? v_load(lanes + (c + i) * CVY_LANES + l) : v_zero();
            v_transpose(r);
            UNROLL for (int i = 0; i < VL; i++) if (l + i < count) v_store(to + (l + i) * image + c, r[i]);
        }
    }
}

TILE_BODY void images_to_lanes(int channels, int count, const float *from, size_t image, float *lanes) {
    for (int l = 0; l < CVY_LANES; l += VL) {
        for (int c = 0; c < channels; c += VL) {
            V r[VL];
            UNROLL for (int i = 0; i < VL; i++) r[i] = l + i < count ? v_load(from + (l + i) * image + c) : v_zero();
            v_transpose(r);
            UNROLL for (int i = 0; i < VL; i++) if (c + i < channels) v_store(lanes + (c + i) * CVY_LANES + l, r[i]);
        }
    }
}

void KERNEL(reorder_hwc16n_nchw16c)(const cvy_image_shape *shape, int32_t count, const float *block, float *y) {
    assert(cvy_is_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(block) && cvy_is_aligned(y));
    const int channels = shape->channels;
    const size_t pixels = (size_t)shape->height * shape->width, image = blocks_of(channels) * pixels * BLOCK;
    for (size_t p = 0; p < pixels; p++, block += (size_t)channels * CVY_LANES) {
        for (int c = 0; c < channels; c += BLOCK) {
            float *to = y + ((size_t)(c / BLOCK) * pixels + p) * BLOCK;
            if (count == CVY_LANES && channels - c >= BLOCK)
                lanes_to_images(BLOCK, CVY_LANES, block + (size_t)c * CVY_LANES, image, to);
            else
                lanes_to_images(channels - c, count, block + (size_t)c * CVY_LANES, image, to);
        }
    }
}

void KERNEL(reorder_nchw16c_hwc16n)(const cvy_image_shape *shape, int32_t count, const float *x, float *block) {
    assert(cvy_is_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(block));
    const int channels = shape->channels;
    const size_t pixels = (size_t)shape->height * shape->width, image = blocks_of(channels) * pixels * BLOCK;
    for (size_t p = 0; p < pixels; p++, block += (size_t)channels * CVY_LANES) {
        for (int c = 0; c < channels; c += BLOCK) {
            const float *from = x + ((size_t)(c / BLOCK) * pixels + p) * BLOCK;
            if (count == CVY_LANES && channels - c >= BLOCK)
                images_to_lanes(BLOCK, CVY_LANES, from, image, block + (size_t)c * CVY_LANES);
            else
                images_to_lanes(least(channels - c, BLOCK), count, from, image, block + (size_t)c * CVY_LANES);
        }
    }
}
