/* Convolution in NCHW16C: forward, and backward to the data.
 *
 * Both are made of one tile: elements x blocks of 16 lanes, accumulated in registers over a field of source pixels,
 * each with its channels in order. Every channel is broadcast from each of the tile's elements and multiplied with a
 * row of weights, which lies in the lanes. The elements are neighbouring columns of one image or the same pixel of
 * several images, whichever fills tiles better.
 *
 * Forward, the field is that of an output, the kernel's rows and columns, and the lanes are filters.
 *
 * Backward, the lanes are channels, so the weights are first transposed to [ky][kx][filter][channels], and there are
 * two ways. By fields: the field is the outputs whose window covers an input, so ky and kx fall while oy and ox rise;
 * the elements must be covered alike, as the images are, and the columns away from the border. By taps: one tap at a
 * time a row of outputs always adds to a run of inputs as long, border or not; the field is one output, and the sums
 * wait in dx from one tap to the next, which costs a load and a store every `filters` multiply-adds. Where few images
 * make narrow tiles at the border, and for a small image most of it is border, taps are faster: a 32->64 5x5
 * convolution of one 12x12 image reaches 83 % of the FMA peak by taps and 37 % by fields; 16 images of 28x28, 32->32
 * 3x3, 80 % and 96 %. */
#include "nchw16c.h"
#include "tier.h"

/* What a tile adds up, and the weights there; strides in floats. */
typedef struct field {
    int rows, columns, channels;
    size_t row, column, block; /* in the source; each of a pixel's blocks holds 16 of the channels */
    ptrdiff_t weight_row, weight_column;
    size_t weight_channel;
} field;

/* Where a tile's elements lie, in floats from one to the next; and the blocks of the target. */
typedef struct spacing {
    size_t source, target, block;
} spacing;

static const int tile_most[NCHW16C_TILE_BLOCKS + 1] = NCHW16C_CONV2D_MOST;

typedef void tile_fn(const field *f, const spacing *apart, const float *start, const float *source,
                     const float *weights, float *to);

TILE_BODY void accumulate(const int elements, const int blocks, const field *f, size_t apart, const float *source,
                          const float *weights, tile_sums sum) {
    const size_t weight_channel = f->weight_channel;
    for (int r = 0; r < f->rows; r++, source += f->row, weights += f->weight_row) {
        const float *pixel = source, *tap = weights;
        for (int c = 0; c < f->columns; c++, pixel += f->column, tap += f->weight_column) {
            const float *block = pixel, *weight = tap;
            for (int left = f->channels; left > 0; left -= BLOCK, block += f->block)
                for (const float *number = block, *end = block + least(left, BLOCK); number < end;
                     number++, weight += weight_channel)
                    multiply_add(elements, blocks, number, apart, weight, BLOCK, sum);
        }
    }
}

/* The sums begin with `start`, the same for all elements, or if it is NULL with what is in the target. */
TILE_BODY void tile(const int elements, const int blocks, const field *f, const spacing *apart, const float *start,
                    const float *source, const float *weights, float *to) {
    tile_sums sum;
    if (start)
        load_sums(elements, blocks, start, 0, BLOCK, sum);
    else
        load_sums(elements, blocks, to, apart->target, apart->block, sum);
    accumulate(elements, blocks, f, apart->source, source, weights, sum);
    store_sums(elements, blocks, sum, apart->target, apart->block, to);
}

#define TILE(ELEMENTS, BLOCKS)                                                                                         \
    static void tile_##ELEMENTS##x##BLOCKS(const field *f, const spacing *apart, const float *start,                   \
                                           const float *source, const float *weights, float *to) {                     \
        tile(ELEMENTS, BLOCKS, f, apart, start, source, weights, to);                                                  \
    }
NCHW16C_CONV2D_TILES(TILE)
#undef TILE

/* By blocks and elements. */
static tile_fn *const tiles[NCHW16C_TILE_BLOCKS + 1][NCHW16C_TILE_ELEMENTS + 1] = {
#define TILE(ELEMENTS, BLOCKS) [BLOCKS][ELEMENTS] = tile_##ELEMENTS##x##BLOCKS,
    NCHW16C_CONV2D_TILES(TILE)
#undef TILE
};

/* `elements` elements in tiles as even as possible. */
static void run_tiles(int elements, int blocks, const field *f, const spacing *apart, const float *start,
                      const float *source, const float *weights, float *to) {
    for (int tile; elements > 0; elements -= tile, source += tile * apart->source, to += tile * apart->target) {
        tile = tile_extent(elements, tile_most[blocks]);
        tiles[blocks][tile](f, apart, start, source, weights, to);
    }
}

/* A row of outputs of all images and the target's row that it adds to or makes: `columns` pixels of each. */
typedef struct row_pair {
    int images, columns, blocks;
    size_t source_image, source_column;
    size_t target_image, target_column, target_block;
} row_pair;

/* Every pixel of such a row, in the order that takes fewer tiles: by images, and in each by columns, or the reverse. */
static void run_row(const row_pair *r, const field *f, const float *start, const float *source, const float *weights,
                    float *to) {
    const spacing columns = {r->source_column, r->target_column, r->target_block};
    const spacing images = {r->source_image, r->target_image, r->target_block};
    const int most = tile_most[r->blocks];
    if (r->images * ((r->columns + most - 1) / most) <= r->columns * ((r->images + most - 1) / most)) {
        for (int n = 0; n < r->images; n++, source += r->source_image, to += r->target_image)
            run_tiles(r->columns, r->blocks, f, &columns, start, source, weights, to);
    } else {
        for (int x = 0; x < r->columns; x++, source += r->source_column, to += r->target_column)
            run_tiles(r->images, r->blocks, f, &images, start, source, weights, to);
    }
}

/* +0 in the lanes of the last block that hold no channel, of all images. */
static void clear_surplus(int images, int height, int width, int channels, float *to) {
    const int from = channels % BLOCK;
    const size_t image = image_floats(height, width, channels), pixels = (size_t)height * width;
    if (from == 0)
        return;
    for (int n = 0; n < images; n++, to += image) {
        float *pixel = to + image - pixels * BLOCK;
        for (size_t p = 0; p < pixels; p++, pixel += BLOCK)
            memset(pixel + from, 0, (size_t)(BLOCK - from) * sizeof *pixel);
    }
}

/* ---- Forward ---------------------------------------------------------------------------------------------------- */

/* All outputs of `blocks` blocks of filters; start, weights and y begin at the first. */
static void forward_blocks(const cvy_conv2d_shape *shape, int images, int blocks, const float *start, const float *x,
                           const float *weights, float *y) {
    const cvy_image_shape *input = &shape->input;
    const size_t row = (size_t)input->width * BLOCK, y_row = (size_t)shape->output_width * BLOCK;
    const size_t filters = (size_t)blocks_of(shape->filters) * BLOCK;
    const field f = {
        .rows = shape->kernel_height,
        .columns = shape->kernel_width,
        .channels = input->channels,
        .row = row,
        .column = BLOCK,
        .block = input->height * row,
        .weight_row = (ptrdiff_t)(shape->kernel_width * input->channels * filters),
        .weight_column = (ptrdiff_t)(input->channels * filters),
        .weight_channel = filters,
    };
    const row_pair r = {
        .images = images,
        .columns = shape->output_width,
        .blocks = blocks,
        .source_image = image_floats(input->height, input->width, input->channels),
        .source_column = (size_t)shape->stride_x * BLOCK,
        .target_image = image_floats(shape->output_height, shape->output_width, shape->filters),
        .target_column = BLOCK,
        .target_block = shape->output_height * y_row,
    };
    for (int oy = 0; oy < shape->output_height; oy++)
        run_row(&r, &f, start, x + (size_t)oy * shape->stride_y * row, weights, y + oy * y_row);
}

void KERNEL(conv2d_forward_nchw16c)(const cvy_conv2d_shape *shape, int32_t count, const float *x, const float *weights,
                                    const float *bias, float *y, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    assert(shape->filters % BLOCK == 0 || cvy_is_aligned(scratch));
    const int filters = shape->filters, all = blocks_of(filters);
    if (filters % BLOCK) {
        pad_rows((size_t)shape->kernel_height * shape->kernel_width * shape->input.channels, filters, weights, scratch);
        weights = scratch;
    }
    const size_t plane = (size_t)shape->output_height * shape->output_width * BLOCK;
    for (int b = 0, blocks; b < all; b += blocks) {
        blocks = tile_extent(all - b, NCHW16C_TILE_BLOCKS);
        _Alignas(64) float start[NCHW16C_TILE_BLOCKS * BLOCK] = {0};
        if (bias)
            memcpy(start, bias + b * BLOCK, (size_t)least(filters - b * BLOCK, blocks * BLOCK) * sizeof *start);
        forward_blocks(shape, count, blocks, start, x, weights + b * BLOCK, y + b * plane);
    }
    clear_surplus(count, shape->output_height, shape->output_width, filters, y);
}

/* ---- Backward to the data --------------------------------------------------------------------------------------- */

/* VL channels x VL filters, of which `channels` exist; the rows are `filters` apart, `padded` when turned. */
TILE_BODY void transpose_tile(int channels, size_t filters, const float *from, size_t padded, float *to) {
    V r[VL];
    UNROLL for (int i = 0; i < VL; i++) r[i] = i < channels ? v_loadu(from + i * filters) : v_zero();
    v_transpose(r);
    UNROLL for (int i = 0; i < VL; i++) v_store(to + i * padded, r[i]);
}

/* [channel][filter] to [filter][channel], channels brought to whole blocks. The last tile of a row overlaps the one
 * before it. */
static void transpose_tap(int channels, int filters, const float *from, float *to) {
    const int padded = blocks_of(channels) * BLOCK;
    if (filters < VL) {
        for (int f = 0; f < filters; f++)
            for (int c = 0; c < padded; c++)
                to[f * padded + c] = c < channels ? from[c * filters + f] : 0.0f;
        return;
    }
    for (int c = 0; c < padded; c += VL) {
        for (int i = 0; i < filters; i += VL) {
            const int f = least(i, filters - VL);
            transpose_tile(channels - c, filters, from + (ptrdiff_t)c * filters + f, padded,
                           to + (size_t)f * padded + c);
        }
    }
}

static void transpose_weights(const cvy_conv2d_shape *shape, const float *weights, float *to) {
    const int channels = shape->input.channels, filters = shape->filters;
    for (int tap = shape->kernel_height * shape->kernel_width; tap > 0; tap--) {
        transpose_tap(channels, filters, weights, to);
        weights += (size_t)channels * filters;
        to += (size_t)filters * blocks_of(channels) * BLOCK;
    }
}

/* The outputs along one axis whose window covers a position of the input: `count` from `first` on. */
typedef struct range {
    int first, count;
} range;

static inline range outputs_over(int position, int kernel, int stride, int outputs) {
    const int first = greatest(position - kernel + stride, 0) / stride;
    const int last = least(position / stride, outputs - 1);
    return first <= last ? (range){first, last - first + 1} : (range){0, 0};
}

/* What the rows of dx have in common; dx, its first block of channels, holds zeros. */
typedef struct data_strides {
    const cvy_conv2d_shape *shape;
    const float *dy, *weights;
    float *dx;
    size_t dy_row, dx_row; /* in floats, as is the size of a tap's weights */
    ptrdiff_t tap;
    row_pair pair; /* a row of outputs, and inputs under one tap */
    field field;   /* one output */
} data_strides;

/* Row y of dx, tap by tap. */
static void data_row_by_taps(const data_strides *w, int y) {
    const cvy_conv2d_shape *shape = w->shape;
    const range down = outputs_over(y, shape->kernel_height, shape->stride_y, shape->output_height);
    for (int oy = down.first; oy < down.first + down.count; oy++) {
        for (int kx = shape->kernel_width - 1; kx >= 0; kx--) { /* so that ox rises for each input */
            const int tap = (y - oy * shape->stride_y) * shape->kernel_width + kx;
            run_row(&w->pair, &w->field, NULL, w->dy + oy * w->dy_row, w->weights + tap * w->tap,
                    w->dx + y * w->dx_row + kx * BLOCK);
        }
    }
}

/* The same field by field; each run of columns is covered alike but for the shift. */
static void data_row_by_fields(const data_strides *w, int y) {
    const cvy_conv2d_shape *shape = w->shape;
    const int kernel_width = shape->kernel_width, stride = shape->stride_x;
    const int interior = stride == 1 ? shape->output_width - kernel_width + 1 : 0;
    const range down = outputs_over(y, shape->kernel_height, shape->stride_y, shape->output_height);
    row_pair pair = w->pair;
    field f = w->field;
    pair.target_column = BLOCK;
    f.rows = down.count;
    for (int x = 0; x < shape->input.width; x += pair.columns) {
        const range along = outputs_over(x, kernel_width, stride, shape->output_width);
        pair.columns = x == kernel_width - 1 && interior > 1 ? interior : 1;
        f.columns = along.count;
        if (f.rows == 0 || f.columns == 0)
            continue;
        const int tap = (y - down.first * shape->stride_y) * kernel_width + x - along.first * stride;
        run_row(&pair, &f, NULL, w->dy + down.first * w->dy_row + along.first * BLOCK, w->weights + tap * w->tap,
                w->dx + y * w->dx_row + (size_t)x * BLOCK);
    }
}

/* Sums side by side from which on fields are faster. A multiply-add takes 4 cycles and two begin in each, so with fewer
 * than 8 each waits for the one before it. Measured on Zen 5 with the convolution above: 2 images (4 sums) 61 % of the
 * peak by fields and 87 % by taps, 4 images (8 sums) 83 and 87 %, 7 images (14 sums) 93 and 89 %. */
enum { ENOUGH_SUMS = 12 };

/* All inputs of `blocks` blocks of channels; weights and dx begin at the first. */
static void data_blocks(const cvy_conv2d_shape *shape, int images, int blocks, const float *dy, const float *weights,
                        float *dx) {
    const cvy_image_shape *input = &shape->input;
    const size_t dx_row = (size_t)input->width * BLOCK, dy_row = (size_t)shape->output_width * BLOCK;
    const size_t channels = (size_t)blocks_of(input->channels) * BLOCK;
    const ptrdiff_t tap = (ptrdiff_t)(shape->filters * channels);
    const data_strides w = {
        .shape = shape,
        .dy = dy,
        .weights = weights,
        .dx = dx,
        .dy_row = dy_row,
        .dx_row = dx_row,
        .tap = tap,
        .pair = {.images = images,
                 .columns = shape->output_width,
                 .blocks = blocks,
                 .source_image = image_floats(shape->output_height, shape->output_width, shape->filters),
                 .source_column = BLOCK,
                 .target_image = image_floats(input->height, input->width, input->channels),
                 .target_column = (size_t)shape->stride_x * BLOCK,
                 .target_block = input->height * dx_row},
        .field = {.rows = 1,
                  .columns = 1,
                  .channels = shape->filters,
                  .row = dy_row,
                  .column = BLOCK,
                  .block = shape->output_height * dy_row,
                  .weight_row = -tap * shape->kernel_width * shape->stride_y,
                  .weight_column = -tap * shape->stride_x,
                  .weight_channel = channels},
    };
    const bool by_fields = images * blocks * BLOCK_VECTORS >= ENOUGH_SUMS;
    for (int y = 0; y < input->height; y++) {
        if (by_fields)
            data_row_by_fields(&w, y);
        else
            data_row_by_taps(&w, y);
    }
}

void KERNEL(conv2d_backward_data_nchw16c)(const cvy_conv2d_shape *shape, int32_t count, const float *dy,
                                          const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    assert(cvy_is_aligned(scratch));
    const int channels = shape->input.channels, height = shape->input.height, width = shape->input.width;
    const size_t floats = count * image_floats(height, width, channels), plane = (size_t)height * width * BLOCK;
    transpose_weights(shape, weights, scratch);
    memset(dx, 0, floats * sizeof *dx);
    for (int b = 0, blocks; b < blocks_of(channels); b += blocks) {
        blocks = tile_extent(blocks_of(channels) - b, NCHW16C_TILE_BLOCKS);
        data_blocks(shape, count, blocks, dy, scratch + (size_t)b * BLOCK, dx + b * plane);
    }
    for (size_t i = 0; derivative && i < floats; i += VL)
        v_store(dx + i, v_mul(v_load(dx + i), v_load(derivative + i)));
    clear_surplus(count, height, width, channels, dx);
}
