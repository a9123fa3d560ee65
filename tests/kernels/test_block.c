/* Images into a block and out of it: copies, so every element is compared bit by bit, and what lies between the rows
 * and images of an NHWC buffer must stay as it was. */
#include <string.h>

#include "check.h"

enum { DATASET = 21 };

static check_axes block_axes(const cvy_image_shape *s) {
    return CHECK_AXES((size_t)s->height, (size_t)s->width, (size_t)s->channels, CVY_LANES);
}

static size_t in_block(const cvy_image_shape *s, int32_t y, int32_t x, int32_t ch, int32_t l) {
    return (size_t)(((y * s->width + x) * s->channels + ch) * CVY_LANES + l);
}

static size_t in_nhwc(const cvy_image_shape *s, int32_t l, int32_t y, int32_t x, int32_t ch) {
    return (size_t)(l * s->image + y * s->row + x * s->channels + ch);
}

static size_t image_size(const cvy_image_shape *s) {
    return (size_t)(s->height * s->width * s->channels);
}

/* The block that `count` images make; pixel i of lane l is pixels[l * stride_l + ...] in the order of `dense`. */
typedef struct images {
    const uint8_t *bytes;
    const float *floats;
    const uint32_t *index;
} images;

static float pixel(const images *im, const cvy_image_shape *s, int32_t l, int32_t y, int32_t x, int32_t ch) {
    const size_t at = im->index[l] * image_size(s) + (size_t)((y * s->width + x) * s->channels + ch);
    return im->bytes ? (float)im->bytes[at] : im->floats[at];
}

static void expect_gather(const images *im, const cvy_image_shape *s, int32_t count, float *block, float *nhwc) {
    for (size_t i = 0; i < nhwc_extent(s); i++)
        nhwc[i] = check_untouched();
    for (int32_t l = 0; l < CVY_LANES; l++)
        for (int32_t y = 0; y < s->height; y++)
            for (int32_t x = 0; x < s->width; x++)
                for (int32_t ch = 0; ch < s->channels; ch++) {
                    const float value = l < count ? pixel(im, s, l, y, x, ch) : 0.0f;
                    block[in_block(s, y, x, ch, l)] = value;
                    nhwc[in_nhwc(s, l, y, x, ch)] = value;
                }
}

/* Exactly `count` indices, in an array of their own. */
static uint32_t *fill_index(check *c, int32_t count) {
    uint32_t *index = check_input_raw(c, "index", (size_t)count * sizeof *index, sizeof *index);
    for (int32_t l = 0; l < count; l++)
        index[l] = check_below(c, DATASET);
    return index;
}

static void describe(check *c, size_t number, check_step step, const cvy_image_shape *s, int32_t count, bool rows_too) {
    check_case(c, number, step, "%dx%dx%d, row %d, image %d, count %d%s", s->height, s->width, s->channels, s->row,
               s->image, count, rows_too ? ", with rows" : "");
}

static const uint8_t *some_bytes(check *c, size_t count) {
    uint8_t *bytes = check_input_raw(c, "images", count, 1);
    for (size_t b = 0; b < count; b++)
        bytes[b] = (uint8_t)check_below(c, 256);
    return bytes;
}

/* From bytes or from floats. */
static void gather(check *c, size_t i, const cvy_image_shape *s, bool u8) {
    const int32_t count = i % 3 == 0 ? CVY_LANES : 1 + (int32_t)(i % 16);
    const bool rows_too = i % 2 == 0;
    describe(c, i, !u8 && i % 4 == 3 ? CHECK_SPECIAL : CHECK_RANDOM, s, count, rows_too);
    const uint8_t *bytes = u8 ? some_bytes(c, DATASET * image_size(s)) : NULL;
    const float *floats = u8 ? NULL : check_input_nhwc(c, "images", DATASET * image_size(s));
    const uint32_t *index = fill_index(c, count);
    float *block = check_output(c, "block", image_elements(s));
    float *nhwc = rows_too ? check_output_nhwc(c, "rows", nhwc_extent(s)) : NULL;
    float *expected = check_memory(c, image_elements(s) * sizeof(float));
    float *expected_rows = check_memory(c, nhwc_extent(s) * sizeof(float));
    expect_gather(&(images){bytes, floats, index}, s, count, expected, expected_rows);
    CHECK_EACH_TIER(c) {
        if (u8)
            rows.gather_u8_hwc16n[c->tier](s, bytes, index, count, block, nhwc);
        else
            rows.gather_f32_hwc16n[c->tier](s, floats, index, count, block, nhwc);
        check_floats(c, "block", block, expected, block_axes(s));
        if (nhwc)
            check_floats(c, "rows", nhwc, expected_rows, CHECK_AXES(nhwc_extent(s)));
    }
}

void test_gather_u8_hwc16n(check *c) {
    image_case ic;
    for (size_t i = 0; image_case_at(c->set, i, &ic); i++)
        gather(c, i, &ic.shape, true);
}

void test_gather_f32_hwc16n(check *c) {
    image_case ic;
    for (size_t i = 0; image_case_at(c->set, i, &ic); i++)
        gather(c, i, &ic.shape, false);
}

void test_reorder_hwc16n_nhwc(check *c) {
    image_case ic;
    for (size_t i = 0; image_case_at(c->set, i, &ic); i++) {
        const cvy_image_shape *s = &ic.shape;
        describe(c, i, i % 4 == 3 ? CHECK_SPECIAL : CHECK_RANDOM, s, CVY_LANES, false);
        const float *block = check_input(c, "block", image_elements(s));
        float *nhwc = check_output_nhwc(c, "images", nhwc_extent(s));
        float *expected = check_memory(c, nhwc_extent(s) * sizeof(float));
        for (size_t k = 0; k < nhwc_extent(s); k++)
            expected[k] = check_untouched();
        for (int32_t y = 0; y < s->height; y++)
            for (int32_t x = 0; x < s->width; x++)
                for (int32_t ch = 0; ch < s->channels; ch++)
                    for (int32_t l = 0; l < CVY_LANES; l++)
                        expected[in_nhwc(s, l, y, x, ch)] = block[in_block(s, y, x, ch, l)];
        CHECK_EACH_TIER(c) {
            rows.reorder_hwc16n_nhwc[c->tier](s, block, nhwc);
            check_floats(c, "images", nhwc, expected, CHECK_AXES(nhwc_extent(s)));
        }
    }
}

void test_reorder_nhwc_hwc16n(check *c) {
    image_case ic;
    for (size_t i = 0; image_case_at(c->set, i, &ic); i++) {
        const cvy_image_shape *s = &ic.shape;
        const int32_t count = i % 3 == 0 ? CVY_LANES : 1 + (int32_t)(i % 16);
        describe(c, i, i % 4 == 3 ? CHECK_SPECIAL : CHECK_RANDOM, s, count, false);
        /* The images of the lanes beyond count need not be there. */
        const size_t extent = nhwc_extent(s) - (size_t)(CVY_LANES - count) * (size_t)s->image;
        const float *nhwc = check_input_nhwc(c, "images", extent);
        float *block = check_output(c, "block", image_elements(s));
        float *expected = check_memory(c, image_elements(s) * sizeof(float));
        for (int32_t l = 0; l < count; l++)
            for (int32_t y = 0; y < s->height; y++)
                for (int32_t x = 0; x < s->width; x++)
                    for (int32_t ch = 0; ch < s->channels; ch++)
                        expected[in_block(s, y, x, ch, l)] = nhwc[in_nhwc(s, l, y, x, ch)];
        CHECK_EACH_TIER(c) {
            rows.reorder_nhwc_hwc16n[c->tier](s, nhwc, count, block);
            check_floats(c, "block", block, expected, block_axes(s));
        }
    }
}

/* Where the interior's element at a flat index stands in the padded block. */
static size_t in_padded(const image_case *ic, size_t at) {
    const size_t inner = (size_t)ic->shape.channels * CVY_LANES, width = (size_t)ic->shape.width;
    const size_t y = at / inner / width + (size_t)ic->top, x = at / inner % width + (size_t)ic->left;
    return (y * (size_t)ic->padded_width + x) * inner + at % inner;
}

static size_t padded_elements(const image_case *ic) {
    return (size_t)(ic->padded_height * ic->padded_width * ic->shape.channels * CVY_LANES);
}

static void describe_padding(check *c, size_t number, const image_case *ic) {
    check_case(c, number, number % 4 == 3 ? CHECK_SPECIAL : CHECK_RANDOM, "%dx%dx%d at (%d, %d) of %dx%d",
               ic->shape.height, ic->shape.width, ic->shape.channels, ic->top, ic->left, ic->padded_height,
               ic->padded_width);
}

void test_pad_hwc16n(check *c) {
    image_case ic;
    for (size_t i = 0; image_case_at(c->set, i, &ic); i++) {
        describe_padding(c, i, &ic);
        const float *x = check_input(c, "x", image_elements(&ic.shape));
        float *y = check_output(c, "y", padded_elements(&ic));
        float *expected = check_memory(c, padded_elements(&ic) * sizeof(float));
        for (size_t k = 0; k < image_elements(&ic.shape); k++)
            expected[in_padded(&ic, k)] = x[k];
        CHECK_EACH_TIER(c) {
            rows.pad_hwc16n[c->tier](&ic.shape, ic.top, ic.left, ic.padded_height, ic.padded_width, x, y);
            check_floats(
                c, "y", y, expected,
                CHECK_AXES((size_t)ic.padded_height, (size_t)ic.padded_width, (size_t)ic.shape.channels, CVY_LANES));
        }
    }
}

void test_crop_hwc16n(check *c) {
    image_case ic;
    for (size_t i = 0; image_case_at(c->set, i, &ic); i++) {
        describe_padding(c, i, &ic);
        const size_t count = image_elements(&ic.shape);
        const float *dy = check_input(c, "dy", padded_elements(&ic));
        const float *derivative = i % 2 ? check_input(c, "derivative", count) : NULL;
        float *dx = check_output(c, "dx", count);
        float *expected = check_memory(c, count * sizeof(float));
        for (size_t k = 0; k < count; k++)
            expected[k] = derivative ? dy[in_padded(&ic, k)] * derivative[k] : dy[in_padded(&ic, k)];
        CHECK_EACH_TIER(c) {
            rows.crop_hwc16n[c->tier](&ic.shape, ic.top, ic.left, ic.padded_height, ic.padded_width, dy, derivative,
                                      dx);
            check_floats(c, "dx", dx, expected, block_axes(&ic.shape));
        }
    }
}
