/* Convolution in NCHW16C, backward to the weights.
 *
 * A tile is channels of one tap x blocks of 16 filters: at each output position the input's channels are broadcast and
 * multiplied with the gradient's vectors. All taps and channels read the same images, so the images are taken a few
 * rows of outputs at a time, as many as stay in the L1 cache with the inputs under them, and the sums wait in dweights
 * meanwhile. That does not change a chain, whose order is images, rows, columns. Without passes every tile would stream
 * all images from L2. */
#include "nchw16c.h"
#include "tier.h"

/* Bytes of outputs and inputs to pass over at a time: most of an L1 cache. */
enum { PASS_BYTES = 32768 };

/* The outputs of a pass, all in one image. */
typedef struct pass {
    int rows, columns;
    size_t x_row, x_column; /* from an output's input pixel to that of the next row, column */
    size_t gradient_block;  /* floats from a block of dy to the next */
    size_t channel;         /* floats from a channel of dweights to the next */
} pass;

static const int tile_most[NCHW16C_TILE_BLOCKS + 1] = NCHW16C_CONV2D_WEIGHTS_MOST;

typedef void tile_fn(const pass *p, const float *x, const float *dy, float *dweights);

TILE_BODY void tile(const int elements, const int blocks, const pass *p, const float *x, const float *dy,
                    float *dweights) {
    tile_sums sum;
    const size_t gradient_block = p->gradient_block, x_column = p->x_column;
    load_sums(elements, blocks, dweights, p->channel, BLOCK, sum);
    for (int r = 0; r < p->rows; r++, x += p->x_row) {
        const float *numbers = x;
        for (int c = p->columns; c > 0; c--, numbers += x_column, dy += BLOCK)
            multiply_add(elements, blocks, numbers, 1, dy, gradient_block, sum);
    }
    UNROLL for (int e = 0; e < elements; e++) UNROLL for (int v = 0; v < blocks * BLOCK_VECTORS; v++) sum[e][v] =
        v_add(sum[e][v], v_zero()); /* leaves no -0 */
    store_sums(elements, blocks, sum, p->channel, BLOCK, dweights);
}

#define TILE(ELEMENTS, BLOCKS)                                                                                         \
    static void tile_##ELEMENTS##x##BLOCKS(const pass *p, const float *x, const float *dy, float *dweights) {          \
        tile(ELEMENTS, BLOCKS, p, x, dy, dweights);                                                                    \
    }
NCHW16C_CONV2D_WEIGHTS_TILES(TILE)
#undef TILE

/* By blocks and elements. */
static tile_fn *const tiles[NCHW16C_TILE_BLOCKS + 1][NCHW16C_TILE_ELEMENTS + 1] = {
#define TILE(ELEMENTS, BLOCKS) [BLOCKS][ELEMENTS] = tile_##ELEMENTS##x##BLOCKS,
    NCHW16C_CONV2D_WEIGHTS_TILES(TILE)
#undef TILE
};

/* The sums of one tap, over one pass: x is the input under the pass's first output, dy that output. */
static void tap_weights(const cvy_conv2d_shape *shape, const pass *p, const float *x, const float *dy,
                        float *dweights) {
    const size_t plane = (size_t)shape->input.height * shape->input.width * BLOCK;
    const int channels = shape->input.channels, all = blocks_of(shape->filters);
    for (int b = 0, blocks; b < all; b += blocks) {
        blocks = tile_extent(all - b, NCHW16C_TILE_BLOCKS);
        for (int c = 0, elements; c < channels; c += elements) {
            const int in_block = c % BLOCK;
            elements = tile_extent(least(channels - c, BLOCK - in_block), tile_most[blocks]);
            tiles[blocks][elements](p, x + c / BLOCK * plane + in_block, dy + b * p->gradient_block,
                                    dweights + c * p->channel + b * BLOCK);
        }
    }
}

/* As many rows of outputs as make a pass. */
static int pass_rows(const cvy_conv2d_shape *shape) {
    const size_t pixel = (size_t)blocks_of(shape->input.channels) * shape->stride_y * shape->stride_x;
    const size_t row = (pixel + blocks_of(shape->filters)) * BLOCK * sizeof(float) * shape->output_width;
    return greatest(least((int)(PASS_BYTES / row), shape->output_height), 1);
}

/* `sums`: [ky][kx][channel][filters brought to whole blocks]. */
static void backward_weights(const cvy_conv2d_shape *shape, int images, const float *x, const float *dy, float *sums) {
    const cvy_image_shape *input = &shape->input;
    const size_t filters = (size_t)blocks_of(shape->filters) * BLOCK, row = (size_t)input->width * BLOCK;
    const size_t y_row = (size_t)shape->output_width * BLOCK, tap = input->channels * filters;
    const int rows = pass_rows(shape);
    pass p = {
        .columns = shape->output_width,
        .x_row = shape->stride_y * row,
        .x_column = (size_t)shape->stride_x * BLOCK,
        .gradient_block = shape->output_height * y_row,
        .channel = filters,
    };
    memset(sums, 0, shape->kernel_height * shape->kernel_width * tap * sizeof *sums);
    for (int n = 0; n < images; n++) {
        for (int oy = 0; oy < shape->output_height; oy += p.rows) {
            p.rows = least(rows, shape->output_height - oy);
            for (int ky = 0; ky < shape->kernel_height; ky++)
                for (int kx = 0; kx < shape->kernel_width; kx++)
                    tap_weights(shape, &p, x + oy * p.x_row + ky * row + kx * BLOCK, dy + oy * y_row,
                                sums + (ky * shape->kernel_width + kx) * tap);
        }
        x += image_floats(input->height, input->width, input->channels);
        dy += image_floats(shape->output_height, shape->output_width, shape->filters);
    }
}

/* ---- The bias's gradient ---------------------------------------------------------------------------------------- */

/* Images whose chains run side by side. */
enum { BIAS_IMAGES = 4 };

/* Of one vector of filters: to each image its sum over `positions`. */
TILE_BODY void bias_sums(const int images, int positions, size_t image, const float *dy, V *to) {
    V sum[BIAS_IMAGES];
    UNROLL for (int n = 0; n < images; n++) sum[n] = v_zero();
    for (int p = 0; p < positions; p++, dy += BLOCK)
        UNROLL for (int n = 0; n < images; n++) sum[n] = v_add(sum[n], v_load(dy + n * image));
    UNROLL for (int n = 0; n < images; n++) to[n] = sum[n];
}

static void bias_gradient(const cvy_conv2d_shape *shape, int images, const float *dy, float *dbias) {
    const size_t image = image_floats(shape->output_height, shape->output_width, shape->filters);
    const int positions = shape->output_height * shape->output_width;
    for (int f = 0; f < shape->filters; f += VL) {
        const float *from = dy + (size_t)(f / BLOCK) * positions * BLOCK + f % BLOCK;
        V sum[CVY_LANES];
        int n = 0;
        for (; n + BIAS_IMAGES <= images; n += BIAS_IMAGES)
            bias_sums(BIAS_IMAGES, positions, image, from + n * image, sum + n);
        for (; n < images; n++)
            bias_sums(1, positions, image, from + n * image, sum + n);
        for (; n < CVY_LANES; n++)
            sum[n] = v_zero();
        for (int half = CVY_LANES / 2; half >= 1; half /= 2)
            for (int i = 0; i < half; i++)
                sum[i] = v_add(sum[i], sum[i + half]);
        v_store_first(dbias + f, sum[0], least(VL, shape->filters - f));
    }
}

void KERNEL(conv2d_backward_weights_nchw16c)(const cvy_conv2d_shape *shape, int32_t count, const float *x,
                                             const float *dy, float *dweights, float *dbias, float *scratch) {
    assert(cvy_is_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(dy) && cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    assert(shape->filters % BLOCK == 0 || cvy_is_aligned(scratch));
    const int filters = shape->filters;
    float *sums = filters % BLOCK ? scratch : dweights;
    backward_weights(shape, count, x, dy, sums);
    if (sums == scratch) {
        const size_t rows = (size_t)shape->kernel_height * shape->kernel_width * shape->input.channels;
        for (size_t i = 0; i < rows; i++)
            memcpy(dweights + i * filters, sums + i * blocks_of(filters) * BLOCK, (size_t)filters * sizeof *sums);
    }
    if (dbias)
        bias_gradient(shape, count, dy, dbias);
}
