/* Activation and 2x2 max-pool of the output of a convolution in NHWC. One z of each window is chosen before the
 * activation, which then has a quarter of the work.
 *
 * Where the channels fill a vector they lie in the lanes. Where they are few, a z is chosen at every position of a row,
 * also at those between two windows, and the windows' results are picked out afterwards. Half of the choices are for
 * nothing, but no lane has to be moved. */
#include "choose.h"
#include "tier.h"

enum { CHOSEN_FLOATS = 1024 };

/* A window row of `windows` windows: z of both rows, `channels` floats a position. */
TILE_BODY void choose_wide(const bool silu, int windows, int channels, const float *z, size_t row, float *y) {
    for (int px = 0; px < windows; px++, z += 2 * channels, y += channels)
        for (int c = 0; c < channels; c += VL) {
            const int left = least(VL, channels - c);
            const V window[4] = {v_load_first(z + c, left), v_load_first(z + c + channels, left),
                                 v_load_first(z + c + row, left), v_load_first(z + c + row + channels, left)};
            v_store_first(y + c, choose(silu, window), left);
        }
}

TILE_BODY void choose_narrow(const bool silu, int windows, int channels, const float *z, size_t row, float *y) {
    _Alignas(64) float chosen[CHOSEN_FLOATS + VL];
    for (int done = 0, some; done < windows; done += some) {
        some = least(CHOSEN_FLOATS / (2 * channels), windows - done);
        const int span = (2 * some - 1) * channels;
        for (int i = 0; i < span; i += VL) {
            const V window[4] = {v_loadu(z + i), v_loadu(z + i + channels), v_loadu(z + i + row),
                                 v_loadu(z + i + row + channels)};
            v_store(chosen + i, choose(silu, window));
        }
        const float *from = chosen;
        for (int px = 0; px < some; px++, from += 2 * channels)
            for (int c = 0; c < channels; c++)
                *y++ = from[c];
        z += 2 * some * channels;
    }
}

static void choose_row(cvy_activation_kind activation, int windows, int channels, const float *z, size_t row,
                       float *y) {
    const bool wide = channels >= VL;
    if (activation == CVY_ACT_SILU && wide)
        choose_wide(true, windows, channels, z, row, y);
    else if (activation == CVY_ACT_SILU)
        choose_narrow(true, windows, channels, z, row, y);
    else if (wide)
        choose_wide(false, windows, channels, z, row, y);
    else
        choose_narrow(false, windows, channels, z, row, y);
}

void KERNEL(activation_maxpool2x2_forward_nhwc)(const cvy_image_shape *shape, cvy_activation_kind activation,
                                                int32_t count, const float *z, float *y) {
    assert(cvy_is_dense_image(shape) && shape->height >= 2 && shape->width >= 2);
    assert(cvy_is_activation(activation) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(z) && cvy_is_float_aligned(y));
    const int windows = shape->width / 2;
    const size_t row = (size_t)shape->row, pooled_row = (size_t)windows * shape->channels;
    float *to = y;
    for (int n = 0; n < count; n++, z += shape->image)
        for (int py = 0; py < shape->height / 2; py++, to += pooled_row)
            choose_row(activation, windows, shape->channels, z + 2 * py * row, row, to);
    KERNEL(activation_forward)(activation, (size_t)(to - y), y, y, NULL);
}
