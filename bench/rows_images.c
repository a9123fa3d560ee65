/* Images into a block, out of it, and from one layout to another; preprocessing. */
#include "rows.h"
#include "scratch.h"

enum { DATASET = 512 }; /* images that a gather takes from */

typedef struct image {
    cvy_image_shape shape;
    int32_t top, left, padded_height, padded_width;
    size_t elements, padded;
    float *block, *images, *blocked, *border, *derivative, *f32;
    uint8_t *u8;
    uint32_t index[CVY_LANES];
} image;

BENCH_CASE_NAME(image)

/* Images anywhere in the data set, as a shuffled epoch asks for them. */
static void take_dataset(bench_case *b, image *d) {
    size_t bytes = DATASET * d->elements / CVY_LANES;
    d->u8 = bench_take(b->memory, bytes);
    for (size_t i = 0; i < bytes; i++)
        d->u8[i] = (uint8_t)bench_uniform(b->memory, 0, 256);
    d->f32 = bench_floats(b->memory, bytes, 0, 1);
    for (int l = 0; l < CVY_LANES; l++)
        d->index[l] = (uint32_t)bench_uniform(b->memory, 0, DATASET);
}

static void *make_image(bench_case *b) {
    image_case c;
    image_case_at(CASES_NAMED, b->index, &c);
    image *d = bench_take(b->memory, sizeof *d);
    *d = (image){.shape = c.shape,
                 .top = c.top,
                 .left = c.left,
                 .padded_height = c.padded_height,
                 .padded_width = c.padded_width,
                 .elements = image_elements(&c.shape),
                 .padded = (size_t)(c.padded_height * c.padded_width * c.shape.channels) * CVY_LANES};
    size_t positions = (size_t)(c.shape.height * c.shape.width) * CVY_LANES;
    d->block = bench_floats(b->memory, d->elements, -1, 1);
    d->images = bench_take(b->memory, nhwc_extent(&c.shape) * sizeof(float));
    b->kernels->reorder_hwc16n_nhwc(&c.shape, d->block, d->images);
    d->blocked = bench_take(b->memory, positions * cvy_round_to_lanes((size_t)c.shape.channels) * sizeof(float));
    b->kernels->reorder_hwc16n_nchw16c(&c.shape, CVY_LANES, d->block, d->blocked);
    d->border = bench_floats(b->memory, d->padded, -1, 1);
    d->derivative = bench_floats(b->memory, d->elements, 0, 1);
    take_dataset(b, d);
    return d;
}

static const bench_family image_family = {image_name, make_image};

BENCH_ROW(gather_u8_hwc16n, image, d->elements / 4 + 2 * d->elements, &d->shape, d->u8, d->index, CVY_LANES, d->block,
          d->images)
BENCH_ROW(gather_f32_hwc16n, image, 3 * d->elements, &d->shape, d->f32, d->index, CVY_LANES, d->block, d->images)
BENCH_ROW(reorder_hwc16n_nhwc, image, 2 * d->elements, &d->shape, d->block, d->images)
BENCH_ROW(reorder_nhwc_hwc16n, image, 2 * d->elements, &d->shape, d->images, CVY_LANES, d->block)
BENCH_ROW(pad_hwc16n, image, d->elements + d->padded, &d->shape, d->top, d->left, d->padded_height, d->padded_width,
          d->block, d->border)
BENCH_ROW(crop_hwc16n, image, 3 * d->elements, &d->shape, d->top, d->left, d->padded_height, d->padded_width, d->border,
          d->derivative, d->block)
BENCH_ROW(reorder_nhwc_nchw16c, image, 2 * d->elements, &d->shape, CVY_LANES, d->images, d->blocked)
BENCH_ROW(reorder_nchw16c_nhwc, image, 2 * d->elements, &d->shape, CVY_LANES, d->blocked, d->images)
BENCH_ROW(reorder_hwc16n_nchw16c, image, 2 * d->elements, &d->shape, CVY_LANES, d->block, d->blocked)
BENCH_ROW(reorder_nchw16c_hwc16n, image, 2 * d->elements, &d->shape, CVY_LANES, d->blocked, d->block)

/* ---- Preprocessing: rows of an image, each moved by a fraction of a pixel --------------------------------------- */

typedef struct picture {
    cvy_image_shape shape;
    int32_t floats; /* of a row */
    size_t elements;
    uint8_t *u8;
    float *x, *y, *moments, *fraction;
    int32_t *start;
} picture;

static void *make_picture(bench_case *b) {
    image_case c;
    image_case_at(CASES_NAMED, b->index, &c);
    const int32_t floats = c.shape.width * c.shape.channels, height = c.shape.height;
    picture *d = bench_take(b->memory, sizeof *d);
    *d = (picture){.shape = c.shape, .floats = floats, .elements = (size_t)floats * (size_t)height};
    d->u8 = bench_take(b->memory, d->elements);
    for (size_t i = 0; i < d->elements; i++)
        d->u8[i] = (uint8_t)bench_uniform(b->memory, 0, 256);
    d->x = bench_floats(b->memory, d->elements + (size_t)c.shape.channels, 0, 255);
    d->y = bench_take(b->memory, d->elements * sizeof(float));
    d->moments = bench_take(b->memory, 3 * (size_t)floats * sizeof(float));
    d->fraction = bench_floats(b->memory, (size_t)height, 0, 1);
    d->start = bench_take(b->memory, (size_t)height * sizeof(int32_t));
    for (int32_t y = 0; y < height; y++)
        d->start[y] = y * floats;
    return d;
}

static const bench_family picture_family = {image_name, make_picture};

BENCH_ROW(widen_u8, picture, d->elements / 4 + d->elements, d->shape.height, d->floats, d->u8, d->floats, d->y)
BENCH_ROW(column_moments, picture, d->elements + 3 * (size_t)d->floats, d->shape.height, d->floats, d->floats, d->x,
          d->moments)
BENCH_ROW(sample_rows, picture, 2 * d->elements, d->shape.height, d->floats, d->start, d->fraction, d->shape.channels,
          1.0f / 255, 0, d->x, d->floats, d->y)
