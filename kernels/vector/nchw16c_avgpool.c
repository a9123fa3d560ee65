/* Average pooling in NCHW16C; see nchw16c_pool.h. */
#include "nchw16c_pool.h"
#include "tier.h"

/* ---- Forward: sums from +0 in row-major order, times 1 / elements ----------------------------------------------- */

static void forward_plane(const cvy_pool_shape *shape, const float *x, float *y) {
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++, y += PIXEL) {
            const window w = window_at(shape, oy, ox);
            const V share = v_set1(share_of(&w));
            for (int i = 0; i < PIXEL; i += VL) {
                V sum = v_zero();
                for (int iy = w.top; iy < w.bottom; iy++)
                    for (int ix = w.left; ix < w.right; ix++)
                        sum = v_add(sum, v_load(x + ((size_t)iy * shape->width + ix) * PIXEL + i));
                v_store(y + i, v_mul(sum, share));
            }
        }
}

static void forward_plane_2x2(const cvy_pool_shape *shape, const float *x, float *y) {
    const size_t row = (size_t)shape->width * PIXEL;
    for (int oy = 0; oy < shape->output_height; oy++, x += 2 * row)
        for (int ox = 0; ox < shape->output_width; ox++, y += PIXEL)
            UNROLL for (int i = 0; i < PIXEL; i += VL) {
                const float *first = x + 2 * ox * PIXEL + i;
                const V top = v_add(v_add(v_zero(), v_load(first)), v_load(first + PIXEL));
                const V sum = v_add(v_add(top, v_load(first + row)), v_load(first + row + PIXEL));
                v_store(y + i, v_mul(sum, v_set1(0.25f)));
            }
}

void KERNEL(avgpool_forward_nchw16c)(const cvy_pool_shape *shape, int32_t count, const float *x, float *y) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(x) && cvy_is_aligned(y));
    const bool simple = is_plain_2x2(shape);
    for (size_t p = planes_of(shape, count); p > 0; p--, x += x_plane_of(shape), y += y_plane_of(shape)) {
        if (simple)
            forward_plane_2x2(shape, x, y);
        else
            forward_plane(shape, x, y);
    }
}

/* ---- Backward --------------------------------------------------------------------------------------------------- */

static void backward_plane(const cvy_pool_shape *shape, const float *dy, const float *derivative, float *dx) {
    const size_t count = x_plane_of(shape);
    for (size_t i = 0; i < count; i += VL)
        v_store(dx + i, v_zero());
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++, dy += PIXEL) {
            const window w = window_at(shape, oy, ox);
            const V share = v_set1(share_of(&w));
            for (int i = 0; i < PIXEL; i += VL) {
                const V gradient = v_mul(v_load(dy + i), share);
                for (int iy = w.top; iy < w.bottom; iy++)
                    for (int ix = w.left; ix < w.right; ix++) {
                        float *to = dx + ((size_t)iy * shape->width + ix) * PIXEL + i;
                        v_store(to, v_add(v_load(to), gradient));
                    }
            }
        }
    for (size_t i = 0; derivative && i < count; i += VL)
        v_store(dx + i, v_mul(v_load(dx + i), v_load(derivative + i)));
}

void KERNEL(avgpool_backward_nchw16c)(const cvy_pool_shape *shape, int32_t count, const float *dy,
                                      const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_aligned(dy) && cvy_is_aligned_or_null(derivative) && cvy_is_aligned(dx));
    const size_t x_plane = x_plane_of(shape), y_plane = y_plane_of(shape);
    const bool simple = is_plain_2x2(shape);
    for (size_t p = planes_of(shape, count); p > 0; p--, dy += y_plane, dx += x_plane) {
        if (simple)
            backward_plane_2x2(true, shape, dy, NULL, derivative, dx);
        else
            backward_plane(shape, dy, derivative, dx);
        derivative = derivative ? derivative + x_plane : NULL;
    }
}
