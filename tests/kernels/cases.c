#include "cases.h"

/* ---- Shapes ---- */

static size_t block(int32_t height, int32_t width, int32_t channels) {
    return (size_t)height * (size_t)width * (size_t)channels * CVY_LANES;
}

size_t conv2d_inputs(const cvy_conv2d_shape *s) {
    return image_elements(&s->input);
}

size_t conv2d_outputs(const cvy_conv2d_shape *s) {
    return block(s->output_height, s->output_width, s->filters);
}

size_t conv2d_weights(const cvy_conv2d_shape *s) {
    return (size_t)s->kernel_height * (size_t)s->kernel_width * (size_t)s->input.channels * (size_t)s->filters;
}

size_t conv2d_pooled(const cvy_conv2d_shape *s) {
    return block(s->output_height / 2, s->output_width / 2, s->filters);
}

size_t pool_inputs(const cvy_pool_shape *s) {
    return block(s->height, s->width, s->channels);
}

size_t pool_outputs_of(const cvy_pool_shape *s) {
    return block(s->output_height, s->output_width, s->channels);
}

size_t image_elements(const cvy_image_shape *s) {
    return block(s->height, s->width, s->channels);
}

size_t nhwc_extent(const cvy_image_shape *s) {
    return (size_t)(CVY_LANES - 1) * (size_t)s->image + (size_t)(s->height - 1) * (size_t)s->row +
           (size_t)s->width * (size_t)s->channels;
}

/* An image whose rows are `row_gap` and whose images are `image_gap` floats longer than they need be. */
static cvy_image_shape image(int32_t height, int32_t width, int32_t channels, int32_t row_gap, int32_t image_gap) {
    const int32_t row = width * channels + row_gap;
    return (cvy_image_shape){height, width, channels, row, height * row + image_gap};
}

static cvy_conv2d_shape conv2d(cvy_image_shape input, int32_t kernel_height, int32_t kernel_width, int32_t stride_y,
                               int32_t stride_x, int32_t filters) {
    return (cvy_conv2d_shape){input,
                              kernel_height,
                              kernel_width,
                              stride_y,
                              stride_x,
                              filters,
                              (input.height - kernel_height) / stride_y + 1,
                              (input.width - kernel_width) / stride_x + 1};
}

/* Input extents from the outputs wanted; `spare` rows and columns (below the stride) are left over. */
static cvy_conv2d_shape conv2d_giving(int32_t output_height, int32_t output_width, int32_t channels, int32_t filters,
                                      int32_t kernel_height, int32_t kernel_width, int32_t stride_y, int32_t stride_x,
                                      int32_t spare, size_t gaps) {
    const int32_t height = (output_height - 1) * stride_y + kernel_height + (spare < stride_y ? spare : 0);
    const int32_t width = (output_width - 1) * stride_x + kernel_width + (spare < stride_x ? spare : 0);
    return conv2d(image(height, width, channels, (int32_t)(gaps % 5), (int32_t)(gaps % 7)), kernel_height, kernel_width,
                  stride_y, stride_x, filters);
}

/* ---- A strides through several sweeps: is the index in this one, and where ---- */

static bool in_sweep(size_t *index, size_t size) {
    if (*index < size)
        return true;
    *index -= size;
    return false;
}

/* ---- Convolution ---- */

static const conv2d_case named_conv2d[] = {
    {"lesson conv1", {{28, 28, 1, 28, 784}, 5, 5, 1, 1, 3, 24, 24}},
    {"lesson conv2", {{12, 12, 3, 36, 432}, 5, 5, 1, 1, 6, 8, 8}},
    {"LeNet-5 conv1", {{28, 28, 1, 28, 784}, 5, 5, 1, 1, 6, 24, 24}},
    {"LeNet-5 conv2", {{12, 12, 6, 72, 864}, 5, 5, 1, 1, 16, 8, 8}},
    {"lesson conv1, same", {{32, 32, 1, 32, 1024}, 5, 5, 1, 1, 3, 28, 28}},
    {"lesson conv2, same", {{18, 18, 3, 54, 972}, 5, 5, 1, 1, 6, 14, 14}},
    {"conv 16 to 32", {{12, 12, 16, 192, 2304}, 5, 5, 1, 1, 32, 8, 8}},
    {"conv 32 to 64", {{12, 12, 32, 384, 4608}, 5, 5, 1, 1, 64, 8, 8}},
};

enum { FEW_CONV2D = 4, NAMED_CONV2D = sizeof named_conv2d / sizeof *named_conv2d };

/* Channels and filters 1 to 33, each with every tail of the other (7 and 33 share no divisor). */
static cvy_conv2d_shape channel_sweep(size_t i) {
    const int32_t channels = (int32_t)(i % 33) + 1, filters = (int32_t)((i * 7 + 4 + i / 33) % 33) + 1;
    return conv2d_giving(1 + (int32_t)(i % 2), 2 + (int32_t)(i % 3), channels, filters, 3, 3, 1, 1, 0, i);
}

/* The same with the 5x5 kernels that are written out, every number of filters that one may be written for. */
static cvy_conv2d_shape channel_sweep_5x5(size_t i) {
    static const int32_t channels[] = {1, 2, 3, 6};
    return conv2d_giving(2 + (int32_t)(i % 3), 3 + (int32_t)(i % 2), channels[i % 4], (int32_t)(i / 4) + 1, 5, 5, 1, 1,
                         0, i);
}

/* Outputs 1x1 to 7x20: the tails of a tile of any size, with the channels of the lesson. */
static cvy_conv2d_shape tile_sweep(size_t i) {
    const int32_t width = (int32_t)(i % 20) + 1, height = (int32_t)(i / 20 % 7) + 1;
    return i / 140 == 0 ? conv2d_giving(height, width, 1, 3, 5, 5, 1, 1, 0, i)
                        : conv2d_giving(height, width, 3, 6, 5, 5, 1, 1, 0, i);
}

/* Long rows of many filters, more than a kernel can hold at once. */
static cvy_conv2d_shape wide_sweep(size_t i) {
    return conv2d_giving(2 + (int32_t)(i % 2), 20 + (int32_t)(i * 5 % 19), 1 + (int32_t)(i % 2),
                         7 + (int32_t)(i * 11 % 27), 1 + (int32_t)(i % 3), 3, 1, 1, 0, i);
}

/* Images from 5 to 40 rows and columns. */
static cvy_conv2d_shape size_sweep(size_t i) {
    const int32_t height = (int32_t)(i * 5 % 36) + 5, width = (int32_t)(i % 36) + 5;
    return conv2d(image(height, width, 1 + (int32_t)(i % 2), (int32_t)(i % 4), (int32_t)(i % 3)), 5, 5, 1, 1,
                  1 + (int32_t)(i % 3));
}

/* Kernels 1x1 to 11x11, also higher than wide and the reverse. */
static cvy_conv2d_shape kernel_sweep(size_t i) {
    return conv2d_giving(2 + (int32_t)(i % 3), 3 + (int32_t)(i % 4), 1 + (int32_t)(i % 3), 1 + (int32_t)(i % 5),
                         1 + (int32_t)(i / 11), 1 + (int32_t)(i % 11), 1, 1, 0, i);
}

/* Strides 1x1 to 3x3, with rows and columns left over. */
static cvy_conv2d_shape stride_sweep(size_t i) {
    static const int32_t kernels[][2] = {{1, 1}, {2, 3}, {3, 3}, {5, 5}, {4, 7}, {1, 5}, {11, 2}};
    const int32_t *kernel = kernels[i / 9 % 7];
    return conv2d_giving(2 + (int32_t)(i % 4), 3 + (int32_t)(i % 5), 1 + (int32_t)(i % 4), 2 + (int32_t)(i % 6),
                         kernel[0], kernel[1], 1 + (int32_t)(i % 3), 1 + (int32_t)(i / 3 % 3), (int32_t)(i / 9 % 3), i);
}

/* The sweeps of the short suite; false if the index is past their end, of which it then is counted. */
static bool in_short_sweeps(size_t *i, cvy_conv2d_shape *s) {
    if (in_sweep(i, 33))
        *s = channel_sweep(*i);
    else if (in_sweep(i, 33 * 4))
        *s = channel_sweep_5x5(*i);
    else if (in_sweep(i, 280))
        *s = tile_sweep(*i);
    else if (in_sweep(i, 19))
        *s = wide_sweep(*i);
    else if (in_sweep(i, 36))
        *s = size_sweep(*i);
    else if (in_sweep(i, 121))
        *s = kernel_sweep(*i);
    else if (in_sweep(i, 63))
        *s = stride_sweep(*i);
    else
        return false;
    return true;
}

/* A number below `bound` for use `k` of an index, without any pattern. */
static int32_t scattered(size_t index, size_t k, int32_t bound) {
    uint64_t z = (index * 16 + k + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93u;
    return (int32_t)((z >> 32) % (uint64_t)bound);
}

/* Anything, as long as it takes milliseconds. */
static cvy_conv2d_shape scattered_sweep(size_t i) {
    int32_t channels = 1 + scattered(i, 0, 33), filters = 1 + scattered(i, 1, 33);
    const int32_t kernel_height = 1 + scattered(i, 2, 11), kernel_width = 1 + scattered(i, 3, 11);
    const int32_t height = 1 + scattered(i, 4, 14), width = 1 + scattered(i, 5, 30);
    for (int k = 0; kernel_height * kernel_width * height * width * channels * filters > 60000 && k < 10; k++)
        *(k % 2 ? &channels : &filters) = (k % 2 ? channels : filters) / 2 + 1;
    return conv2d_giving(height, width, channels, filters, kernel_height, kernel_width, 1 + scattered(i, 6, 3),
                         1 + scattered(i, 7, 3), scattered(i, 8, 3), i);
}

/* All pairs of channels and filters; every height with every width; every kernel with every stride; and 2000 more. */
static bool in_long_sweeps(size_t *i, cvy_conv2d_shape *s) {
    if (in_sweep(i, 33 * 33)) {
        const int32_t kernel = 1 + (int32_t)(*i % 5);
        *s = conv2d_giving(2, 3 + (int32_t)(*i % 3), (int32_t)(*i % 33) + 1, (int32_t)(*i / 33) + 1, kernel, kernel, 1,
                           1, 0, *i);
    } else if (in_sweep(i, 36 * 36)) {
        *s = conv2d(image((int32_t)(*i / 36) + 5, (int32_t)(*i % 36) + 5, 1 + (int32_t)(*i % 2), (int32_t)(*i % 6), 3),
                    5, 5, 1, 1, 3);
    } else if (in_sweep(i, 121 * 9)) {
        *s = conv2d_giving(2 + (int32_t)(*i % 3), 2 + (int32_t)(*i % 4), 1 + (int32_t)(*i % 4), 1 + (int32_t)(*i % 7),
                           1 + (int32_t)(*i / 9 / 11), 1 + (int32_t)(*i / 9 % 11), 1 + (int32_t)(*i % 3),
                           1 + (int32_t)(*i / 3 % 3), (int32_t)(*i % 3), *i);
    } else if (in_sweep(i, 2000)) {
        *s = scattered_sweep(*i);
    } else {
        return false;
    }
    return true;
}

bool conv2d_case_at(case_set set, size_t index, conv2d_case *c) {
    if (in_sweep(&index, set == CASES_FEW ? FEW_CONV2D : NAMED_CONV2D)) {
        *c = named_conv2d[index];
        return true;
    }
    c->name = NULL;
    return (set > CASES_NAMED && in_short_sweeps(&index, &c->shape)) ||
           (set == CASES_LONG && in_long_sweeps(&index, &c->shape));
}

/* ---- Pooling ---- */

static const pool_case named_pool[] = {
    {"lesson pool1", {24, 24, 3, 2, 2, 2, 2, 0, 0, 12, 12}},
    {"lesson pool2", {8, 8, 6, 2, 2, 2, 2, 0, 0, 4, 4}},
    {"LeNet-5 pool2", {8, 8, 16, 2, 2, 2, 2, 0, 0, 4, 4}},
    {"overlapping 3x3", {13, 13, 8, 3, 3, 2, 2, 0, 0, 6, 6}},
};

enum { NAMED_POOL = sizeof named_pool / sizeof *named_pool };

/* Outputs along one axis, and the rows or columns before the image: as Keras does for "valid" and "same". */
static int32_t pool_axis(int32_t extent, int32_t window, int32_t stride, bool same, int32_t *pad) {
    *pad = 0;
    if (!same)
        return (extent - window) / stride + 1;
    const int32_t outputs = (extent + stride - 1) / stride;
    const int32_t missing = (outputs - 1) * stride + window - extent;
    *pad = missing > 0 ? missing / 2 : 0;
    return outputs;
}

static cvy_pool_shape pool(int32_t height, int32_t width, int32_t channels, int32_t window_height, int32_t window_width,
                           int32_t stride_y, int32_t stride_x, bool same) {
    cvy_pool_shape s = {.height = height,
                        .width = width,
                        .channels = channels,
                        .window_height = window_height,
                        .window_width = window_width,
                        .stride_y = stride_y,
                        .stride_x = stride_x};
    s.output_height = pool_axis(height, window_height, stride_y, same, &s.pad_top);
    s.output_width = pool_axis(width, window_width, stride_x, same, &s.pad_left);
    return s;
}

/* Windows 1x1 to 4x4, strides 1 to 3, valid and same; extents that leave rows over, and every number of channels. */
static cvy_pool_shape window_sweep(size_t i) {
    return pool(5 + (int32_t)(i % 5), 5 + (int32_t)(i % 7), 1 + (int32_t)(i % 3), 1 + (int32_t)(i / 18 / 4),
                1 + (int32_t)(i / 18 % 4), 1 + (int32_t)(i / 2 % 3), 1 + (int32_t)(i / 6 % 3), i % 2);
}

bool pool_case_at(case_set set, size_t index, pool_case *c) {
    const size_t repeats = set == CASES_LONG ? 6 : 1;
    c->name = NULL;
    if (in_sweep(&index, NAMED_POOL))
        *c = named_pool[index];
    else if (set <= CASES_NAMED)
        return false;
    else if (in_sweep(&index, 288))
        c->shape = window_sweep(index);
    else if (in_sweep(&index, 33 * repeats)) /* channels */
        c->shape = pool(6 + (int32_t)(index / 33), 7, 1 + (int32_t)(index % 33), 2, 2, 2, 2, false);
    else if (in_sweep(&index, 33 * repeats)) /* and of windows that overlap and are clipped */
        c->shape = pool(5, 4 + (int32_t)(index / 33), 1 + (int32_t)(index % 33), 3, 3, 2, 2, true);
    else if (in_sweep(&index, 36 * repeats)) /* sizes */
        c->shape = pool(5 + (int32_t)(index * 7 % 36), 5 + (int32_t)((index + index / 36) % 36), 2, 2, 2, 2, 2,
                        index / 36 % 2);
    else
        return false;
    return true;
}

/* ---- Dense ---- */

#define DENSE(inputs, units)                                                                                           \
    { inputs, units, inputs, units }

static const dense_case named_dense[] = {
    {"lesson dense1", DENSE(96, 84)},   {"lesson dense2", DENSE(84, 10)}, {"LeNet-5 dense1", DENSE(256, 120)},
    {"LeNet-5 dense2", DENSE(120, 84)}, {"one layer", DENSE(784, 10)},    {"wide", DENSE(784, 128)},
};

enum { NAMED_DENSE = sizeof named_dense / sizeof *named_dense };

static const cvy_dense_shape odd_dense[] = {DENSE(1, 515),  DENSE(513, 1),  DENSE(131, 67), DENSE(67, 131),
                                            DENSE(250, 49), DENSE(47, 257), DENSE(1025, 3), DENSE(3, 1001)};

enum { ODD_DENSE = sizeof odd_dense / sizeof *odd_dense };

static cvy_dense_shape dense(int32_t inputs, int32_t units) {
    return (cvy_dense_shape)DENSE(inputs, units);
}

bool dense_case_at(case_set set, size_t index, dense_case *c) {
    const size_t side = set == CASES_LONG ? 100 : 40;
    c->name = NULL;
    if (in_sweep(&index, NAMED_DENSE))
        *c = named_dense[index];
    else if (set <= CASES_NAMED)
        return false;
    else if (in_sweep(&index, ODD_DENSE))
        c->shape = odd_dense[index];
    else if (in_sweep(&index, 90)) /* more units than a vector or two */
        c->shape = dense(1 + (int32_t)(index * 7 % 61), 41 + (int32_t)index);
    else if (in_sweep(&index, side * side))
        c->shape = dense(1 + (int32_t)(index / side), 1 + (int32_t)(index % side));
    else
        return false;
    return true;
}

/* ---- Images ---- */

static const image_case named_image[] = {
    {"MNIST image", {28, 28, 1, 28, 784}, 2, 2, 32, 32},
    {"MNIST image, rows of 32", {28, 28, 1, 32, 896}, 2, 2, 32, 32},
    {"lesson pool1", {12, 12, 3, 36, 432}, 2, 2, 16, 16},
    {"lesson pool2", {4, 4, 6, 24, 96}, 0, 0, 4, 4},
    {"dense input", {1, 1, 96, 96, 96}, 0, 0, 1, 1},
};

enum { NAMED_IMAGE = sizeof named_image / sizeof *named_image };

static image_case padded(cvy_image_shape shape, size_t i) {
    const int32_t top = (int32_t)(i % 3), left = (int32_t)(i % 4);
    return (image_case){
        NULL, shape, top, left, top + shape.height + (int32_t)(i / 2 % 3), left + shape.width + (int32_t)(i / 3 % 3)};
}

/* Gaps behind rows and images of 0 to 17 floats: more and less than a vector. */
bool image_case_at(case_set set, size_t index, image_case *c) {
    const size_t repeats = set == CASES_LONG ? 36 : 2;
    if (in_sweep(&index, NAMED_IMAGE))
        *c = named_image[index];
    else if (set <= CASES_NAMED)
        return false;
    else if (in_sweep(&index, 33)) /* channels */
        *c = padded(image(1 + (int32_t)(index % 3), 1 + (int32_t)(index % 4), 1 + (int32_t)index,
                          (int32_t)(index * 5 % 18), (int32_t)(index * 3 % 18)),
                    index);
    else if (in_sweep(&index, 36 * repeats)) /* sizes */
        *c = padded(image(5 + (int32_t)((index * 7 + index / 36) % 36), 5 + (int32_t)(index % 36),
                          1 + (int32_t)(index % 2), (int32_t)(index % 18), (int32_t)(index % 5)),
                    index);
    else if (in_sweep(&index, 70)) /* widths of 1 to 70 floats */
        *c = padded(image(2, 1 + (int32_t)index, 1, (int32_t)(index % 3), 0), index);
    else
        return false;
    return true;
}
