/* Average pooling in NHWC; see nhwc_pool.h. Loads and stores bound it, and permutations where pixels go in groups. */
#include "nhwc_pool.h"
#include "tier.h"

/* ---- Forward: sums from +0 in row-major order, times 1 / elements ----------------------------------------------- */

static void forward_any(const cvy_pool_shape *shape, const float *x, float *y, const float *end) {
    const int channels = shape->channels;
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++, y += channels) {
            const window w = window_at(shape, oy, ox);
            const V share = v_set1(share_of(&w));
            for (int c = 0; c < channels; c += VL) {
                V sum = v_zero();
                for (int iy = w.top; iy < w.bottom; iy++)
                    for (int ix = w.left; ix < w.right; ix++)
                        sum = v_add(sum, v_loadu(x + ((size_t)iy * shape->width + ix) * channels + c));
                store_before(y + c, v_mul(sum, share), end);
            }
        }
}

TILE_BODY V mean_of(const V z[4]) {
    V sum = v_zero();
    UNROLL for (int k = 0; k < 4; k++) sum = v_add(sum, z[k]);
    return v_mul(sum, v_set1(0.25f));
}

/* Windows whose first element is x[0]. */
static inline V group_mean(const group *g, size_t row, const float *x) {
    const V top[2] = {v_loadu(x), v_loadu(x + VL)}, bottom[2] = {v_loadu(x + row), v_loadu(x + row + VL)};
    const V z[4] = {pick_lanes(&g->even, top[0], top[1]), pick_lanes(&g->odd, top[0], top[1]),
                    pick_lanes(&g->even, bottom[0], bottom[1]), pick_lanes(&g->odd, bottom[0], bottom[1])};
    return mean_of(z);
}

/* The last group of a row is the row's last pixels: some may be computed twice. */
static void forward_grouped(const cvy_pool_shape *shape, const group *g, const float *x, float *y, const float *end) {
    const size_t channels = shape->channels, row = shape->width * channels;
    for (int oy = 0; oy < shape->output_height; oy++, x += 2 * row, y += shape->output_width * channels)
        for (int ox = 0; ox < shape->output_width; ox += g->pixels) {
            const size_t first = least(ox, shape->output_width - g->pixels) * channels;
            store_before(y + first, group_mean(g, row, x + 2 * first), end);
        }
}

static void forward_wide(const cvy_pool_shape *shape, const float *x, float *y, const float *end) {
    const size_t channels = shape->channels, row = shape->width * channels;
    for (int oy = 0; oy < shape->output_height; oy++, x += 2 * row)
        for (int ox = 0; ox < shape->output_width; ox++, y += channels)
            for (size_t c = 0; c < channels; c += VL) {
                const float *first = x + 2 * ox * channels + c;
                const V z[4] = {v_loadu(first), v_loadu(first + channels), v_loadu(first + row),
                                v_loadu(first + row + channels)};
                store_before(y + c, mean_of(z), end);
            }
}

void KERNEL(avgpool_forward_nhwc)(const cvy_pool_shape *shape, int32_t count, const float *x, float *y) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y));
    const float *end = y + count * outputs_of(shape);
    const bool plain = is_plain_2x2(shape), grouped = plain && is_grouped(shape);
    const group g = grouped ? group_of(shape) : (group){0};
    for (int n = 0; n < count; n++, x += image_of(shape), y += outputs_of(shape)) {
        if (grouped)
            forward_grouped(shape, &g, x, y, end);
        else if (plain)
            forward_wide(shape, x, y, end);
        else
            forward_any(shape, x, y, end);
    }
}

/* ---- Backward --------------------------------------------------------------------------------------------------- */

/* to[i] += a lane i for i < lanes; nothing beyond is touched. */
static inline void add_to(float *to, V a, int lanes) {
    if (lanes >= VL)
        v_storeu(to, v_add(v_loadu(to), a));
    else
        v_store_first(to, v_add(v_load_first(to, lanes), a), lanes);
}

static void backward_any(const cvy_pool_shape *shape, const float *dy, float *dx) {
    const int channels = shape->channels;
    memset(dx, 0, image_of(shape) * sizeof *dx);
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++, dy += channels) {
            const window w = window_at(shape, oy, ox);
            const V share = v_set1(share_of(&w));
            for (int c = 0; c < channels; c += VL) {
                const V gradient = v_mul(v_loadu(dy + c), share);
                for (int iy = w.top; iy < w.bottom; iy++)
                    for (int ix = w.left; ix < w.right; ix++)
                        add_to(dx + ((size_t)iy * shape->width + ix) * channels + c, gradient, channels - c);
            }
        }
}

void KERNEL(avgpool_backward_nhwc)(const cvy_pool_shape *shape, int32_t count, const float *dy, const float *derivative,
                                   float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    const size_t outputs = outputs_of(shape), image = image_of(shape);
    const float *end = dx + count * image;
    const bool plain = is_plain_2x2(shape), grouped = plain && is_grouped(shape);
    const group g = grouped ? group_of(shape) : (group){0};
    for (int n = 0; n < count; n++) {
        if (plain)
            backward_2x2(true, shape, grouped ? &g : NULL, dy + n * outputs, NULL, dx + n * image, end);
        else
            backward_any(shape, dy + n * outputs, dx + n * image);
    }
    if (derivative)
        multiply(derivative, dx, end);
}
