/* Images into a block and out of it: gather, reorder, pad, crop.
 *
 * Gather and reorder transpose tiles of VL elements x VL images in registers. The shuffles bound them: 24 for a tile of
 * 8 x 8, 64 for one of 16 x 16. On a Zen 5, 28x28 bytes to a block and to rows take 215 and 190 cycles an image. A row
 * of an image, or the whole image where its rows lie dense, is a run of elements; the last tile of a run overlaps the
 * one before it. */
#include "tier.h"
#include "transpose.h"

/* The runs of an image's elements that are contiguous in its block and in its NHWC form alike. */
typedef struct runs {
    int count, length;
    size_t stride; /* in NHWC */
} runs;

static inline runs runs_of(const cvy_image_shape *shape, bool dense) {
    const int row = shape->width * shape->channels;
    if (dense || shape->row == row)
        return (runs){.count = 1, .length = shape->height * row, .stride = 0};
    return (runs){.count = shape->height, .length = row, .stride = shape->row};
}

/* ---- Into a block ----------------------------------------------------------------------------------------------- */

/* Defines
 *   name(length, from, rows, image, block): a run of `length` elements of the 16 images at from[l] (+0 where from[l] is
 *   NULL) into the block and, unless rows is NULL, to rows + l * image.
 * `load` makes VL floats of VL elements. */
#define RUN_TO_LANES(name, element, load)                                                                              \
    TILE_BODY void name##_tile(size_t at, const element *const from[CVY_LANES], float *rows, size_t image,             \
                               float *block) {                                                                         \
        for (int lane = 0; lane < CVY_LANES; lane += VL) {                                                             \
            V r[VL];                                                                                                   \
            UNROLL for (int i = 0; i < VL; i++) r[i] = from[lane + i] ? load(from[lane + i] + at) : v_zero();          \
            if (rows)                                                                                                  \
                UNROLL for (int i = 0; i < VL; i++) v_storeu(rows + (lane + i) * image + at, r[i]);                    \
            v_transpose(r);                                                                                            \
            UNROLL for (int i = 0; i < VL; i++) v_store(block + (at + i) * CVY_LANES + lane, r[i]);                    \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(int length, const element *const from[CVY_LANES], float *rows, size_t image, float *block) {      \
        if (length >= VL) {                                                                                            \
            for (int at = 0; at < length; at += VL)                                                                    \
                name##_tile(least(at, length - VL), from, rows, image, block);                                         \
            return;                                                                                                    \
        }                                                                                                              \
        for (int l = 0; l < CVY_LANES; l++)                                                                            \
            for (int at = 0; at < length; at++) {                                                                      \
                const float value = from[l] ? (float)from[l][at] : 0.0f;                                               \
                block[at * CVY_LANES + l] = value;                                                                     \
                if (rows)                                                                                              \
                    rows[l * image + at] = value;                                                                      \
            }                                                                                                          \
    }

RUN_TO_LANES(run_of_u8, uint8_t, v_load_u8)
RUN_TO_LANES(run_of_f32, float, v_loadu)

/* Image by image from a data set, which is dense, to the block and the rows. */
#define GATHER(run, element)                                                                                           \
    const runs r = runs_of(shape, !rows);                                                                              \
    const size_t size = (size_t)shape->height * shape->width * shape->channels;                                        \
    const element *from[CVY_LANES];                                                                                    \
    for (int l = 0; l < CVY_LANES; l++)                                                                                \
        from[l] = l < count ? images + index[l] * size : NULL;                                                         \
    for (int i = 0; i < r.count; i++) {                                                                                \
        run(r.length, from, rows ? rows + i *r.stride : NULL, shape->image, block + (size_t)i * r.length * CVY_LANES); \
        for (int l = 0; l < count; l++)                                                                                \
            from[l] += r.length;                                                                                       \
    }

void KERNEL(gather_u8_hwc16n)(const cvy_image_shape *shape, const uint8_t *images, const uint32_t *index, int32_t count,
                              float *block, float *rows) {
    assert(cvy_is_lane_count(count) && (rows ? cvy_is_strided_image(shape) : cvy_is_image(shape)));
    assert(cvy_is_aligned(block) && (!rows || cvy_is_float_aligned(rows)));
    GATHER(run_of_u8, uint8_t)
}

void KERNEL(gather_f32_hwc16n)(const cvy_image_shape *shape, const float *images, const uint32_t *index, int32_t count,
                               float *block, float *rows) {
    assert(cvy_is_lane_count(count) && (rows ? cvy_is_strided_image(shape) : cvy_is_image(shape)));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(block) && (!rows || cvy_is_float_aligned(rows)));
    GATHER(run_of_f32, float)
}

void KERNEL(reorder_nhwc_hwc16n)(const cvy_image_shape *shape, const float *images, int32_t count, float *block) {
    assert(cvy_is_strided_image(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(block));
    const runs r = runs_of(shape, false);
    const float *from[CVY_LANES];
    for (int l = 0; l < CVY_LANES; l++)
        from[l] = l < count ? images + l * (size_t)shape->image : NULL;
    for (int i = 0; i < r.count; i++) {
        run_of_f32(r.length, from, NULL, 0, block + (size_t)i * r.length * CVY_LANES);
        for (int l = 0; l < count; l++)
            from[l] += r.stride;
    }
}

/* ---- Out of a block --------------------------------------------------------------------------------------------- */

void KERNEL(reorder_hwc16n_nhwc)(const cvy_image_shape *shape, const float *block, float *images) {
    assert(cvy_is_strided_image(shape));
    assert(cvy_is_aligned(block) && cvy_is_float_aligned(images));
    const runs r = runs_of(shape, false);
    for (int i = 0; i < r.count; i++)
        lanes_to_rows(r.length, block + (size_t)i * r.length * CVY_LANES, shape->image, images + i * r.stride);
}

/* ---- Borders ---------------------------------------------------------------------------------------------------- */

static inline float *clear(float *to, size_t count) {
    for (size_t i = 0; i < count; i += VL)
        v_store(to + i, v_zero());
    return to + count;
}

void KERNEL(pad_hwc16n)(const cvy_image_shape *shape, int32_t top, int32_t left, int32_t padded_height,
                        int32_t padded_width, const float *x, float *y) {
    assert(cvy_is_padding(shape, top, left, padded_height, padded_width));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y));
    const size_t pixel = (size_t)shape->channels * CVY_LANES, row = shape->width * pixel;
    const size_t right = padded_width - left - shape->width, bottom = padded_height - top - shape->height;
    y = clear(y, top * padded_width * pixel);
    for (int iy = 0; iy < shape->height; iy++) {
        y = clear(y, left * pixel);
        for (size_t i = 0; i < row; i += VL)
            v_store(y + i, v_load(x + i));
        x += row;
        y = clear(y + row, right * pixel);
    }
    clear(y, bottom * padded_width * pixel);
}

void KERNEL(crop_hwc16n)(const cvy_image_shape *shape, int32_t top, int32_t left, int32_t padded_height,
                         int32_t padded_width, const float *dy, const float *derivative, float *dx) {
    assert(cvy_is_padding(shape, top, left, padded_height, padded_width));
    assert(cvy_is_aligned(dy) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    (void)padded_height; /* the rows below the interior are not looked at */
    const size_t pixel = (size_t)shape->channels * CVY_LANES, row = shape->width * pixel;
    for (int iy = 0; iy < shape->height; iy++) {
        const float *from = dy + ((size_t)(top + iy) * padded_width + left) * pixel;
        for (size_t i = 0; i < row; i += VL) {
            const size_t at = iy * row + i;
            v_store(dx + at, derivative ? v_mul(v_load(from + i), v_load(derivative + at)) : v_load(from + i));
        }
    }
}
