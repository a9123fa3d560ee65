/* Convolution backward to the data in NHWC: a kernel row of dx in the lanes.
 *
 * This mirrors the gradient of the weights: an output's gradient goes to its receptive field in dx, whose kernel rows,
 * kernel width * channels floats each, are contiguous. The weights are transposed to [filter][ky][kx * channels + c],
 * each row padded to whole vectors ("slots"). Every output adds, filter by filter, its broadcast gradient times a slot
 * of weights to the slot's place in dx. No border is a special case, and no zero is ever added. The lanes beyond a
 * kernel row belong to the next pixels and keep their values.
 *
 * A tile is a run of slots, whose weights stay in the level-1 cache, over all outputs. Slots go from the last to the
 * first and outputs from the first to the last, so each element sees its outputs in ascending order. Up to four images
 * go side by side. The weights are then loaded once for all, and fewer loads wait for a store: an output's field
 * overlaps its neighbours', and a load of what has just been stored at another alignment has to wait. */
#include <string.h>

#include "../scratch.h"
#include "tier.h"

typedef struct data_strides {
    int rows, columns, filters;
    size_t field_row, field_column; /* floats from an output's field to that of the next row, column */
    size_t dx_image, dy_image;
    size_t filter; /* from a filter's weights to the next */
} data_strides;

/* A run of slots: where in an output's field each stands, and which of its lanes belong to it (all ones or zeros). */
typedef struct field_slot {
    size_t offset;
    const int32_t *lanes;
} field_slot;

typedef void tile_fn(const data_strides *strides, const field_slot *slots, const float *dy, const float *weights,
                     float *dx);

/* One output of each image: all its filters. */
TILE_BODY void add_output(const int images, const int slots, const data_strides *strides, const field_slot *slot,
                          const float *dy, const float *weights, float *dx) {
    V sum[NHWC_CONV2D_BACKWARD_DATA_IMAGES][NHWC_CONV2D_BACKWARD_DATA_SLOTS];
    UNROLL for (int n = 0; n < images; n++) UNROLL for (int s = 0; s < slots; s++) sum[n][s] =
        v_loadu(dx + n * strides->dx_image + slot[s].offset);
    for (int f = 0; f < strides->filters; f++, dy++, weights += strides->filter) {
        V gradient[NHWC_CONV2D_BACKWARD_DATA_IMAGES];
        UNROLL for (int n = 0; n < images; n++) gradient[n] = v_set1(dy[n * strides->dy_image]);
        UNROLL for (int s = 0; s < slots; s++) {
            const V weight = v_keep(v_load(weights + s * VL));
            UNROLL for (int n = 0; n < images; n++) sum[n][s] = v_fma(gradient[n], weight, sum[n][s]);
        }
    }
    /* What is kept is loaded again: it may be the place of a slot stored before. */
    UNROLL for (int s = 0; s < slots; s++) {
        const VM own = vi_eq(vi_load(slot[s].lanes), vi_set1(-1));
        UNROLL for (int n = 0; n < images; n++) {
            float *to = dx + n * strides->dx_image + slot[s].offset;
            v_storeu(to, v_select(own, sum[n][s], v_loadu(to)));
        }
    }
}

#define TILE(slots, images)                                                                                            \
    static void tile_##images##x##slots(const data_strides *strides, const field_slot *slot, const float *dy,          \
                                        const float *weights, float *dx) {                                             \
        for (int oy = 0; oy < strides->rows; oy++) {                                                                   \
            float *field = dx + oy * strides->field_row;                                                               \
            for (int ox = 0; ox < strides->columns; ox++, field += strides->field_column, dy += strides->filters)      \
                add_output(images, slots, strides, slot, dy, weights, field);                                          \
        }                                                                                                              \
    }
NHWC_CONV2D_BACKWARD_DATA_TILES(TILE)
#undef TILE

static tile_fn *const tiles[NHWC_CONV2D_BACKWARD_DATA_IMAGES + 1][NHWC_CONV2D_BACKWARD_DATA_SLOTS + 1] = {
#define TILE(slots, images) [images][slots] = tile_##images##x##slots,
    NHWC_CONV2D_BACKWARD_DATA_TILES(TILE)
#undef TILE
};

/* transposed[f][ky][i] = weights[ky][i][f] for the elements i of a kernel row, +0 for those that pad it. */
static void transpose_weights(const cvy_conv2d_shape *shape, size_t padded, const float *weights, float *transposed) {
    const int elements = shape->kernel_width * shape->input.channels, filters = shape->filters;
    const size_t filter = shape->kernel_height * padded;
    for (int ky = 0; ky < shape->kernel_height; ky++, weights += (size_t)elements * filters, transposed += padded) {
        const int whole = elements / VL * VL, columns = filters / VL * VL;
        for (int i = 0; i < whole; i += VL)
            for (int f = 0; f < columns; f += VL) {
                V r[VL];
                UNROLL for (int k = 0; k < VL; k++) r[k] = v_loadu(weights + (size_t)(i + k) * filters + f);
                v_transpose(r);
                UNROLL for (int k = 0; k < VL; k++) v_store(transposed + (f + k) * filter + i, r[k]);
            }
        for (int f = 0; f < filters; f++) {
            float *to = transposed + f * filter;
            for (int i = f < columns ? whole : 0; i < elements; i++)
                to[i] = weights[(size_t)i * filters + f];
            for (size_t i = elements; i < padded; i++)
                to[i] = 0.0f;
        }
    }
}

/* dx from its copy, times the derivative. */
static void finish_image(size_t count, const float *copy, const float *derivative, float *dx) {
    for (size_t i = 0; i < count; i += VL) {
        const V sum = v_load(copy + i), value = derivative ? v_mul(sum, v_loadu(derivative + i)) : sum;
        if (count - i >= VL)
            v_storeu(dx + i, value);
        else
            v_store_first(dx + i, value, (int)(count - i));
    }
}

/* The images' sums of all slots, in their copies, which begin as +0. */
static void add_slots(const cvy_conv2d_shape *shape, const data_strides *strides, int images, int vectors,
                      const float *dy, const float *weights, float *copies) {
    _Alignas(64) int32_t lanes[2 * VL];
    const int elements = shape->kernel_width * shape->input.channels, last = elements - (vectors - 1) * VL;
    for (int i = 0; i < VL; i++) {
        lanes[i] = -1;
        lanes[VL + i] = i < last ? -1 : 0;
    }
    int most = NHWC_CONV2D_BACKWARD_DATA_SLOTS;
    while (!tiles[images][most])
        most--;
    for (int end = shape->kernel_height * vectors, slots; end > 0; end -= slots) {
        slots = tile_extent(end, most);
        field_slot run[NHWC_CONV2D_BACKWARD_DATA_SLOTS];
        for (int s = 0; s < slots; s++) {
            const int ky = (end - slots + s) / vectors, v = (end - slots + s) % vectors;
            run[s] =
                (field_slot){(size_t)ky * shape->input.row + (size_t)v * VL, v == vectors - 1 ? lanes + VL : lanes};
        }
        tiles[images][slots](strides, run, dy, weights + (size_t)(end - slots) * VL, copies);
    }
}

void KERNEL(conv2d_backward_data_nhwc)(const cvy_conv2d_shape *shape, int32_t count, const float *dy,
                                       const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_aligned(weights) && cvy_is_float_aligned_or_null(derivative));
    assert(cvy_is_float_aligned(dx) && cvy_is_aligned(scratch));
    const cvy_image_shape *input = &shape->input;
    const int vectors = (shape->kernel_width * input->channels + VL - 1) / VL;
    const size_t image = input->image, copy = cvy_nhwc_image_copy(input);
    const data_strides strides = {
        .rows = shape->output_height,
        .columns = shape->output_width,
        .filters = shape->filters,
        .field_row = (size_t)shape->stride_y * input->row,
        .field_column = (size_t)shape->stride_x * input->channels,
        .dx_image = copy,
        .dy_image = (size_t)shape->output_height * shape->output_width * shape->filters,
        .filter = (size_t)shape->kernel_height * vectors * VL,
    };
    float *transposed = scratch + CVY_NHWC_IMAGES * copy;
    transpose_weights(shape, (size_t)vectors * VL, weights, transposed);
    for (int n = 0, images; n < count; n += images) {
        for (images = NHWC_CONV2D_BACKWARD_DATA_IMAGES; images > count - n;)
            images /= 2;
        memset(scratch, 0, images * copy * sizeof *scratch);
        add_slots(shape, &strides, images, vectors, dy + n * strides.dy_image, transposed, scratch);
        for (int i = n; i < n + images; i++)
            finish_image(image, scratch + (i - n) * copy, derivative ? derivative + i * image : NULL, dx + i * image);
    }
}
