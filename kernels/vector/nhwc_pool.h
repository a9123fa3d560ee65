/* What maximum and average pooling in NHWC share. Outputs are dense, so pixels are stored in ascending order as whole
 * vectors. The pixels that follow overwrite what a vector holds beyond its own. Near the end only what is left is
 * stored.
 *
 * 2x2 windows that neither overlap nor are clipped have code of their own. Where a vector holds at least two pixels of
 * y, a group of pixels is computed at once: its columns are two vectors of x in each of two rows, and a permutation
 * takes the even and the odd ones. Backward, the gradients are permuted to the columns. With more channels the channels
 * lie in the lanes, pixel by pixel, as with all other windows. */
#ifndef CVY_VECTOR_NHWC_POOL_H
#define CVY_VECTOR_NHWC_POOL_H

#include <string.h>

#include "tier.h"
#include "window.h"

static inline void store_before(float *to, V a, const float *end) {
    if (end - to >= VL)
        v_storeu(to, a);
    else if (end > to)
        v_store_first(to, a, (int)(end - to));
}

/* Elements of one image, and of one image's outputs. */
static inline size_t image_of(const cvy_pool_shape *shape) {
    return (size_t)shape->height * shape->width * shape->channels;
}

static inline size_t outputs_of(const cvy_pool_shape *shape) {
    return (size_t)shape->output_height * shape->output_width * shape->channels;
}

/* ---- Groups of pixels ------------------------------------------------------------------------------------------- */

/* VL lanes out of two vectors: the lane to take, and all ones where it is the second vector's. */
typedef struct pick {
    _Alignas(64) int32_t lane[VL], second[VL];
} pick;

typedef struct group {
    int pixels;                            /* of y */
    pick even, odd;                        /* columns of x, out of a group's two vectors */
    _Alignas(64) int32_t column[VL];       /* of x from the group's first: that of each lane's window */
    _Alignas(64) int32_t from[2][VL];      /* backward: the lane of y whose gradient a lane of x takes */
    _Alignas(64) int32_t to_column[2][VL]; /* and that lane's column */
} group;

/* Pixels of y to a group: as many as a vector holds, if a row has so many. */
static inline int group_pixels(const cvy_pool_shape *shape) {
    return least(VL / shape->channels, shape->output_width);
}

/* A group fills more than half of a vector. A smaller one would read its two vectors of x from beyond what may be read,
 * and its second vector of dx would hold nothing of its own. */
static inline bool is_grouped(const cvy_pool_shape *shape) {
    return shape->channels <= VL / 2 && 2 * group_pixels(shape) * shape->channels > VL;
}

static inline void set_pick(pick *p, int i, int from) {
    p->lane[i] = from % VL;
    p->second[i] = from < VL ? 0 : -1;
}

/* Lanes beyond the group's repeat its first. */
static group group_of(const cvy_pool_shape *shape) {
    const int channels = shape->channels;
    group g = {.pixels = group_pixels(shape)};
    for (int pixel = 0, i = 0; i < VL; pixel++)
        for (int c = 0; c < channels && i < VL; c++, i++) {
            const int column = pixel < g.pixels ? 2 * pixel : 0;
            set_pick(&g.even, i, column * channels + c);
            set_pick(&g.odd, i, (column + 1) * channels + c);
            g.column[i] = column;
        }
    for (int column = 0, i = 0; i < 2 * VL; column++)
        for (int c = 0; c < channels && i < 2 * VL; c++, i++) {
            g.from[i / VL][i % VL] = column < 2 * g.pixels ? column / 2 * channels + c : 0;
            g.to_column[i / VL][i % VL] = column;
        }
    return g;
}

static inline V pick_lanes(const pick *p, V a, V b) {
    const VI lane = vi_load(p->lane);
    return v_select(vi_eq(vi_load(p->second), vi_set1(-1)), v_permute(b, lane), v_permute(a, lane));
}

/* ---- 2x2 windows backward: an element takes a quarter of its window's gradient, or the argmax takes all of it
 * --------
 *
 * `average` is a constant where these are inlined; argmax is NULL then. A gradient is added to +0, for it may be -0. */

/* Half `half` of the columns of a group in one row, whose first stands at `position`. */
TILE_BODY V columns_of(const bool average, const group *g, int half, V gradient, const int32_t *argmax, int position) {
    const VI from = vi_load(g->from[half]);
    V own = v_permute(gradient, from);
    if (!average) {
        const VI column = vi_add(vi_load(g->to_column[half]), vi_set1(position));
        own = v_select(vi_eq(vi_permute(vi_loadu(argmax), from), column), own, v_zero());
    }
    return v_add(v_zero(), own);
}

TILE_BODY V gradient_at(const bool average, const float *dy) {
    return average ? v_mul(v_loadu(dy), v_set1(0.25f)) : v_loadu(dy);
}

/* The covered columns of input row iy, from the row of windows that covers it. */
TILE_BODY void backward_row_grouped(const bool average, const cvy_pool_shape *shape, const group *g, int iy,
                                    const float *dy, const int32_t *argmax, float *dx, const float *end) {
    const int channels = shape->channels;
    for (int ox = 0; ox < shape->output_width; ox += g->pixels) {
        const int first = least(ox, shape->output_width - g->pixels), position = iy * shape->width + 2 * first;
        const size_t from = (size_t)first * channels;
        const V gradient = gradient_at(average, dy + from);
        const int32_t *from_argmax = average ? NULL : argmax + from;
        store_before(dx + 2 * from, columns_of(average, g, 0, gradient, from_argmax, position), end);
        store_before(dx + 2 * from + VL, columns_of(average, g, 1, gradient, from_argmax, position), end);
    }
}

TILE_BODY void backward_row_wide(const bool average, const cvy_pool_shape *shape, int iy, const float *dy,
                                 const int32_t *argmax, float *dx, const float *end) {
    const int channels = shape->channels;
    for (int ix = 0; ix < 2 * shape->output_width; ix++, dx += channels) {
        const VI position = vi_set1(iy * shape->width + ix);
        const size_t from = (size_t)(ix / 2) * channels;
        for (int c = 0; c < channels; c += VL) {
            V own = gradient_at(average, dy + from + c);
            if (!average)
                own = v_select(vi_eq(vi_loadu(argmax + from + c), position), own, v_zero());
            store_before(dx + c, v_add(v_zero(), own), end);
        }
    }
}

/* Row by row, from the first element to the last; rows and columns that no window covers are +0. g is NULL where pixels
 * do not go in groups. */
TILE_BODY void backward_2x2(const bool average, const cvy_pool_shape *shape, const group *g, const float *dy,
                            const int32_t *argmax, float *dx, const float *end) {
    const size_t row = (size_t)shape->width * shape->channels, y_row = (size_t)shape->output_width * shape->channels;
    for (int iy = 0; iy < 2 * shape->output_height; iy++, dx += row) {
        const size_t from = iy / 2 * y_row;
        const int32_t *from_argmax = average ? NULL : argmax + from;
        if (g)
            backward_row_grouped(average, shape, g, iy, dy + from, from_argmax, dx, end);
        else
            backward_row_wide(average, shape, iy, dy + from, from_argmax, dx, end);
        memset(dx + 2 * y_row, 0, (row - 2 * y_row) * sizeof *dx);
    }
    memset(dx, 0, (shape->height - 2 * shape->output_height) * row * sizeof *dx);
}

/* dx *= derivative */
static inline void multiply(const float *derivative, float *dx, const float *end) {
    for (; end - dx >= VL; dx += VL, derivative += VL)
        v_storeu(dx, v_mul(v_loadu(dx), v_loadu(derivative)));
    for (; dx < end; dx++, derivative++)
        *dx *= *derivative;
}

#endif
