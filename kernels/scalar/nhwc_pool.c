/* Maximum and average pooling of images in NHWC and in NCHW16C, any window, stride and padding. In NCHW16C the channels
 * that fill up a block are pooled like the others. */
#include "../contract.h"
#include "tensor.h"
#include "window.h"

/* x and y of the operation. */
typedef struct pool {
    const cvy_pool_shape *shape;
    int count;
    tensor x, y;
} pool;

static pool nhwc_pool(const cvy_pool_shape *s, int count) {
    return (pool){s, count, nhwc_tensor(s->height, s->width, s->channels),
                  nhwc_tensor(s->output_height, s->output_width, s->channels)};
}

static pool nchw16c_pool(const cvy_pool_shape *s, int count) {
    return (pool){s, count, nchw16c_tensor(s->height, s->width, s->channels),
                  nchw16c_tensor(s->output_height, s->output_width, s->channels)};
}

/* Before a statement about channel c of output (oy, ox) of image n. */
#define EACH_OUTPUT(p)                                                                                                 \
    for (int n = 0; n < (p).count; n++)                                                                                \
        for (int oy = 0; oy < (p).y.height; oy++)                                                                      \
            for (int ox = 0; ox < (p).y.width; ox++)                                                                   \
                for (int c = 0; c < (p).y.stored; c++)

static void clear(const pool *p, float *dx) {
    for (size_t i = 0; i < p->count * p->x.image; i++)
        dx[i] = 0.0f;
}

static void multiply(const pool *p, const float *derivative, float *dx) {
    for (size_t i = 0; derivative && i < p->count * p->x.image; i++)
        dx[i] *= derivative[i];
}

/* ---- Maximum ---- */

/* The largest element of channel c in window (oy, ox) of image n; *argmax is its position. */
static float maximum(const pool *p, const float *x, int n, int oy, int ox, int c, int32_t *argmax) {
    const window w = window_at(p->shape, oy, ox);
    *argmax = w.top * p->x.width + w.left;
    float largest = x[element(&p->x, n, w.top, w.left, c)];
    for (int iy = w.top; iy < w.bottom; iy++) {
        for (int ix = w.left; ix < w.right; ix++) {
            const float value = x[element(&p->x, n, iy, ix, c)];
            if (value > largest) {
                largest = value;
                *argmax = iy * p->x.width + ix;
            }
        }
    }
    return largest;
}

static void max_forward(pool p, const float *x, float *y, int32_t *argmax) {
    EACH_OUTPUT(p) {
        const size_t at = element(&p.y, n, oy, ox, c);
        int32_t position;
        y[at] = maximum(&p, x, n, oy, ox, c, &position);
        if (argmax)
            argmax[at] = position;
    }
}

static void max_backward(pool p, const float *dy, const int32_t *argmax, const float *derivative, float *dx) {
    clear(&p, dx);
    EACH_OUTPUT(p) {
        const size_t at = element(&p.y, n, oy, ox, c);
        dx[element(&p.x, n, argmax[at] / p.x.width, argmax[at] % p.x.width, c)] += dy[at];
    }
    multiply(&p, derivative, dx);
}

void cvy_maxpool_forward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                     int32_t *argmax) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y) && cvy_is_float_aligned_or_null(argmax));
    max_forward(nhwc_pool(shape, count), x, y, argmax);
}

void cvy_maxpool_forward_nchw16c_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                        int32_t *argmax) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y) && cvy_is_aligned_or_null(argmax));
    max_forward(nchw16c_pool(shape, count), x, y, argmax);
}

void cvy_maxpool_backward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                      const int32_t *argmax, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_float_aligned(argmax));
    assert(cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    max_backward(nhwc_pool(shape, count), dy, argmax, derivative, dx);
}

void cvy_maxpool_backward_nchw16c_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                         const int32_t *argmax, const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned(argmax) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    max_backward(nchw16c_pool(shape, count), dy, argmax, derivative, dx);
}

/* ---- Average ---- */

static void average_forward(pool p, const float *x, float *y) {
    EACH_OUTPUT(p) {
        const window w = window_at(p.shape, oy, ox);
        float sum = 0.0f;
        for (int iy = w.top; iy < w.bottom; iy++)
            for (int ix = w.left; ix < w.right; ix++)
                sum += x[element(&p.x, n, iy, ix, c)];
        y[element(&p.y, n, oy, ox, c)] = sum * share_of(&w);
    }
}

static void average_backward(pool p, const float *dy, const float *derivative, float *dx) {
    clear(&p, dx);
    EACH_OUTPUT(p) {
        const window w = window_at(p.shape, oy, ox);
        const float share = dy[element(&p.y, n, oy, ox, c)] * share_of(&w);
        for (int iy = w.top; iy < w.bottom; iy++)
            for (int ix = w.left; ix < w.right; ix++)
                dx[element(&p.x, n, iy, ix, c)] += share;
    }
    multiply(&p, derivative, dx);
}

void cvy_avgpool_forward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    average_forward(nhwc_pool(shape, count), x, y);
}

void cvy_avgpool_forward_nchw16c_scalar(const cvy_pool_shape *shape, int32_t count, const float *x, float *y) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y));
    average_forward(nchw16c_pool(shape, count), x, y);
}

void cvy_avgpool_backward_nhwc_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                      const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    average_backward(nhwc_pool(shape, count), dy, derivative, dx);
}

void cvy_avgpool_backward_nchw16c_scalar(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                         const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    average_backward(nchw16c_pool(shape, count), dy, derivative, dx);
}
