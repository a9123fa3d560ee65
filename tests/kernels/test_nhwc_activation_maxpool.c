/* Activation and 2x2 max-pool in NHWC: the bits of the fused convolution in HWC16N. */
#include "nhwc.h"

static size_t pooled_elements(const cvy_image_shape *s) {
    return (size_t)(s->height / 2) * (size_t)(s->width / 2) * (size_t)s->channels;
}

/* What the fused kernel gives for a channel of z: a 1x1 convolution with weight 1 and bias -0 passes it through, the
 * sign of zero too. */
static void expect_channel(const cvy_image_shape *s, cvy_activation_kind activation, int32_t count, int32_t channel,
                           const float *z, float *block, float *pooled, float *y) {
    const size_t positions = (size_t)s->height * (size_t)s->width, windows = pooled_elements(s) / (size_t)s->channels;
    const cvy_conv2d_shape identity = {
        {s->height, s->width, 1, s->width, s->height * s->width}, 1, 1, 1, 1, 1, s->height, s->width};
    static const _Alignas(64) float weight[16] = {1.0f}, bias[16] = {-0.0f};
    for (size_t p = 0; p < positions; p++)
        for (size_t l = 0; l < CVY_LANES; l++)
            block[p * CVY_LANES + l] =
                l < (size_t)count ? z[(l * positions + p) * (size_t)s->channels + (size_t)channel] : 0.0f;
    rows.conv2d_maxpool2x2_forward_hwc16n[CVY_TIER_scalar](&identity, activation, block, weight, bias, pooled, NULL,
                                                           NULL);
    for (size_t l = 0; l < (size_t)count; l++)
        for (size_t w = 0; w < windows; w++)
            y[(l * windows + w) * (size_t)s->channels + (size_t)channel] = pooled[w * CVY_LANES + l];
}

static void compare(check *c, size_t number, check_step step, const cvy_image_shape *s,
                    cvy_activation_kind activation) {
    const int32_t count = nhwc_count_at(number, step, false);
    check_case(c, number, step, "%d images %dx%dx%d, %s", count, s->height, s->width, s->channels,
               oracle_activation_name(activation));
    const size_t elements = (size_t)count * (size_t)s->image, outputs = (size_t)count * pooled_elements(s);
    float *z = check_input_nhwc(c, "z", elements);
    check_fill(c, z, elements, 5); /* to both sides of where silu is least */
    float *y = check_output_nhwc(c, "y", outputs), *expected = check_memory(c, outputs * sizeof *expected);
    float *block = nhwc_block_for(c, (size_t)s->height * (size_t)s->width);
    float *pooled = nhwc_block_for(c, (size_t)s->height * (size_t)s->width);
    for (int32_t channel = 0; channel < s->channels; channel++)
        expect_channel(s, activation, count, channel, z, block, pooled, expected);
    const check_axes axes =
        CHECK_AXES((size_t)count, (size_t)(s->height / 2), (size_t)(s->width / 2), (size_t)s->channels);
    CHECK_EACH_TIER(c) {
        rows.activation_maxpool2x2_forward_nhwc[c->tier](s, activation, count, z, y);
        check_floats(c, "y in HWC16N", y, expected, axes);
    }
}

static cvy_image_shape image(int32_t height, int32_t width, int32_t channels) {
    return (cvy_image_shape){height, width, channels, width * channels, height * width * channels};
}

/* The lesson's and others' layers; odd extents; every number of channels around a vector's; a row longer than what is
 * chosen at a time. */
void test_activation_maxpool2x2_forward_nhwc(check *c) {
    static const int32_t layers[][3] = {{24, 24, 3}, {8, 8, 6},   {24, 24, 6}, {8, 8, 16},   {10, 10, 32},
                                        {2, 2, 1},   {3, 2, 5},   {5, 7, 4},   {2, 1100, 1}, {3, 301, 15},
                                        {2, 66, 16}, {4, 15, 33}, {6, 31, 2}};
    const size_t named = sizeof layers / sizeof *layers;
    for (size_t i = 0; i < named + 70; i++) {
        const int32_t n = (int32_t)(i - named);
        const cvy_image_shape s =
            i < named ? image(layers[i][0], layers[i][1], layers[i][2]) : image(2 + n % 3, 2 + n % 11, 1 + n % 35);
        for (int step = 0; step < CHECK_STEPS; step++) {
            compare(c, i, (check_step)step, &s, CVY_ACT_SILU);
            compare(c, i, (check_step)step, &s, (cvy_activation_kind)(i % 5));
        }
    }
}
