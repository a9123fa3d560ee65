/* Maximum pooling in NHWC; see nhwc_pool.h. Only 2x2 windows have vector code backward: where the gradient of any other
 * goes depends on the data. */
#include <string.h>

#include "nhwc_pool.h"
#include "tier.h"

static inline void vi_store_before(int32_t *to, VI a, const int32_t *end) {
    if (end - to >= VL) {
        vi_storeu(to, a);
    } else if (end > to) {
        int32_t lanes[VL];
        vi_storeu(lanes, a);
        memcpy(to, lanes, (end - to) * sizeof *to);
    }
}

/* Where a tensor of y's shape is written, and its ends. */
typedef struct output {
    float *y, *y_end;
    int32_t *argmax, *argmax_end; /* NULL: not wanted */
} output;

/* `floats` floats stored, the first of which at least are the vector's own. */
static inline void put(output *to, V value, VI argmax, size_t floats) {
    store_before(to->y, value, to->y_end);
    to->y += floats;
    if (to->argmax) {
        vi_store_before(to->argmax, argmax, to->argmax_end);
        to->argmax += floats;
    }
}

/* ---- Any window, pixel by pixel --------------------------------------------------------------------------------- */

TILE_BODY void forward_pixel(const cvy_pool_shape *shape, const window *w, const float *x, output *to) {
    const int channels = shape->channels;
    for (int c = 0; c < channels; c += VL) {
        const int first = w->top * shape->width + w->left;
        V largest = v_loadu(x + (size_t)first * channels + c);
        VI argmax = vi_set1(first);
        for (int iy = w->top; iy < w->bottom; iy++)
            for (int ix = w->left; ix < w->right; ix++) {
                const int position = iy * shape->width + ix;
                const V value = v_loadu(x + (size_t)position * channels + c);
                const VM greater = v_gt(value, largest);
                largest = v_select(greater, value, largest);
                argmax = vi_select(greater, vi_set1(position), argmax);
            }
        put(to, largest, argmax, least(VL, channels - c));
    }
}

static void forward_any(const cvy_pool_shape *shape, const float *x, output *to) {
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++) {
            const window w = window_at(shape, oy, ox);
            forward_pixel(shape, &w, x, to);
        }
}

/* ---- 2x2 windows ------------------------------------------------------------------------------------------------ */

/* The largest of a window's four in row-major order, where a later one wins only if it is greater; *argmax is its
 * position from the first. */
TILE_BODY V largest_of(const V z[4], int width, VI *argmax) {
    const int32_t offset[4] = {0, 1, width, width + 1};
    V largest = z[0];
    *argmax = vi_set1(0);
    UNROLL for (int k = 1; k < 4; k++) {
        const VM greater = v_gt(z[k], largest);
        largest = v_select(greater, z[k], largest);
        *argmax = vi_select(greater, vi_set1(offset[k]), *argmax);
    }
    return largest;
}

/* Windows whose first element is x[0] and stands at `position`. */
static inline void forward_group(const cvy_pool_shape *shape, const group *g, const float *x, int position,
                                 output *to) {
    const size_t row = (size_t)shape->width * shape->channels;
    const V top[2] = {v_loadu(x), v_loadu(x + VL)}, bottom[2] = {v_loadu(x + row), v_loadu(x + row + VL)};
    const V z[4] = {pick_lanes(&g->even, top[0], top[1]), pick_lanes(&g->odd, top[0], top[1]),
                    pick_lanes(&g->even, bottom[0], bottom[1]), pick_lanes(&g->odd, bottom[0], bottom[1])};
    VI argmax;
    const V largest = largest_of(z, shape->width, &argmax);
    argmax = vi_add(argmax, vi_add(vi_load(g->column), vi_set1(position)));
    put(to, largest, argmax, (size_t)g->pixels * shape->channels);
}

/* The last group of a row is the row's last pixels: some may be computed twice. */
static void forward_grouped(const cvy_pool_shape *shape, const group *g, const float *x, output *to) {
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox += g->pixels) {
            const int first = least(ox, shape->output_width - g->pixels);
            const size_t again = (size_t)(ox - first) * shape->channels;
            const int position = 2 * oy * shape->width + 2 * first;
            to->y -= again;
            to->argmax = to->argmax ? to->argmax - again : NULL;
            forward_group(shape, g, x + (size_t)position * shape->channels, position, to);
        }
}

static void forward_wide(const cvy_pool_shape *shape, const float *x, output *to) {
    const size_t channels = shape->channels, row = shape->width * channels;
    for (int oy = 0; oy < shape->output_height; oy++)
        for (int ox = 0; ox < shape->output_width; ox++) {
            const int position = 2 * oy * shape->width + 2 * ox;
            const float *first = x + position * channels;
            for (size_t c = 0; c < channels; c += VL, first += VL) {
                const V z[4] = {v_loadu(first), v_loadu(first + channels), v_loadu(first + row),
                                v_loadu(first + row + channels)};
                VI argmax;
                const V largest = largest_of(z, shape->width, &argmax);
                put(to, largest, vi_add(argmax, vi_set1(position)), channels - c < VL ? channels - c : VL);
            }
        }
}

void KERNEL(maxpool_forward_nhwc)(const cvy_pool_shape *shape, int32_t count, const float *x, float *y,
                                  int32_t *argmax) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(y) && cvy_is_float_aligned_or_null(argmax));
    const size_t outputs = count * outputs_of(shape), image = image_of(shape);
    output to = {y, y + outputs, argmax, argmax ? argmax + outputs : NULL};
    const bool plain = is_plain_2x2(shape), grouped = plain && is_grouped(shape);
    const group g = grouped ? group_of(shape) : (group){0};
    for (int n = 0; n < count; n++, x += image) {
        if (grouped)
            forward_grouped(shape, &g, x, &to);
        else if (plain)
            forward_wide(shape, x, &to);
        else
            forward_any(shape, x, &to);
    }
}

/* ---- Backward --------------------------------------------------------------------------------------------------- */

/* Where each gradient goes is in the data: one by one. */
static void backward_any(const cvy_pool_shape *shape, const float *dy, const int32_t *argmax, float *dx) {
    const int channels = shape->channels, outputs = shape->output_height * shape->output_width;
    memset(dx, 0, (size_t)shape->height * shape->width * channels * sizeof *dx);
    for (int p = 0; p < outputs; p++, dy += channels, argmax += channels)
        for (int c = 0; c < channels; c++)
            dx[(size_t)argmax[c] * channels + c] += dy[c];
}

void KERNEL(maxpool_backward_nhwc)(const cvy_pool_shape *shape, int32_t count, const float *dy, const int32_t *argmax,
                                   const float *derivative, float *dx) {
    assert(cvy_is_pool(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_float_aligned(argmax));
    assert(cvy_is_float_aligned_or_null(derivative) && cvy_is_float_aligned(dx));
    const size_t outputs = outputs_of(shape), image = image_of(shape);
    const float *end = dx + count * image;
    const bool plain = is_plain_2x2(shape), grouped = plain && is_grouped(shape);
    const group g = grouped ? group_of(shape) : (group){0};
    for (int n = 0; n < count; n++) {
        if (plain)
            backward_2x2(false, shape, grouped ? &g : NULL, dy + n * outputs, argmax + n * outputs, dx + n * image,
                         end);
        else
            backward_any(shape, dy + n * outputs, argmax + n * outputs, dx + n * image);
    }
    if (derivative)
        multiply(derivative, dx, end);
}
