/* The layout NCHW16C: the operations it has are those of HWC16N, and give the same bits.
 *
 * So the oracle is that of HWC16N, its results put where this layout has them: an image and 16 channels at a time, the
 * channels beyond the last +0. And what the scalar kernel of HWC16N gives, put there too, must be the same bits again.
 * Every number of images from 1 to 16 occurs; lanes beyond it are +0 in the block of gradients. */
#include <math.h>
#include <string.h>

#include "check.h"

/* ---- Shapes ---- */

/* More filters and channels than a tile of any tier takes at once, with every remainder. */
static bool wide_case_at(size_t i, conv2d_case *cc) {
    static const int32_t widths[] = {16, 32, 48, 64, 80, 34, 57, 96, 113, 128};
    enum { WIDTHS = sizeof widths / sizeof *widths };
    if (i >= 3 * WIDTHS)
        return false;
    const int32_t channels = widths[i % WIDTHS], filters = widths[(i * 3 + i / WIDTHS) % WIDTHS];
    const int32_t kernel = 1 + (int32_t)(i % 3), stride = 1 + (int32_t)(i % 5 == 4);
    const int32_t output_height = 1 + (int32_t)(i % 2), output_width = 1 + (int32_t)(i * 7 % 9);
    const int32_t height = (output_height - 1) * stride + kernel, width = (output_width - 1) * stride + kernel;
    *cc = (conv2d_case){NULL,
                        {{height, width, channels, width * channels, height * width * channels},
                         kernel,
                         kernel,
                         stride,
                         stride,
                         filters,
                         output_height,
                         output_width}};
    return true;
}

/* The long suite takes all the shapes of HWC16N, the short one every fourth: what takes long is the oracle. */
static bool case_at(const check *c, size_t i, conv2d_case *cc) {
    size_t wide = 0;
    while (wide_case_at(wide, cc))
        wide++;
    if (c->set == CASES_FEW)
        wide = 2;
    if (i < wide)
        return wide_case_at(i, cc);
    return conv2d_case_at(c->set, (i - wide) * (c->set == CASES_LONG ? 1 : 4), cc);
}

static int32_t images_of(size_t i) {
    return i % 3 == 0 ? CVY_LANES : 1 + (int32_t)(i * 7 % 16);
}

/* ---- The layout ---- */

typedef struct extents {
    int32_t images, height, width, channels;
} extents;

static int32_t padded(int32_t channels) {
    return (channels + 15) / 16 * 16;
}

static size_t floats_of(extents e) {
    return (size_t)(e.images * e.height * e.width * padded(e.channels));
}

static check_axes axes_of(extents e) {
    return CHECK_AXES((size_t)e.images, (size_t)padded(e.channels) / 16, (size_t)e.height, (size_t)e.width, 16);
}

/* Which element of a block of HWC16N stands at `at`; false: none, at is a channel beyond the last. */
static bool in_block(extents e, size_t at, size_t *block) {
    const size_t pixels = (size_t)(e.height * e.width), plane = at / (16 * pixels), pixel = at / 16 % pixels;
    const size_t blocks = (size_t)padded(e.channels) / 16;
    const size_t channel = plane % blocks * 16 + at % 16;
    *block = (pixel * (size_t)e.channels + channel) * CVY_LANES + plane / blocks;
    return channel < (size_t)e.channels;
}

/* A copy of a block in this layout. */
static void from_block(extents e, const float *block, float *to) {
    for (size_t i = 0, at; i < floats_of(e); i++)
        to[i] = in_block(e, i, &at) ? block[at] : 0.0f;
}

static oracle_value *values_from_block(check *c, extents e, const oracle_value *block) {
    oracle_value *values = check_memory(c, floats_of(e) * sizeof *values);
    for (size_t i = 0, at; i < floats_of(e); i++)
        if (in_block(e, i, &at))
            values[i] = block[at];
    return values;
}

static extents input_of(const cvy_conv2d_shape *s, int32_t images) {
    return (extents){images, s->input.height, s->input.width, s->input.channels};
}

static extents output_of(const cvy_conv2d_shape *s, int32_t images) {
    return (extents){images, s->output_height, s->output_width, s->filters};
}

/* How many of the elements belong to a channel. */
static double filled(extents e) {
    return (double)e.channels / padded(e.channels);
}

/* 64-byte aligned, until the next case. */
static float *aligned_memory(check *c, size_t count) {
    unsigned char *memory = check_memory(c, count * sizeof(float) + 64);
    return (float *)(void *)(memory + (64 - (uintptr_t)memory % 64) % 64);
}

/* An input as a block, `beyond` from lane `images` on; and the same in this layout, between guard pages, `padding` in
 * the channels beyond the last: NaN, so that a kernel which uses them is found out, but for pooling. */
typedef struct input {
    const float *block, *nchw16c;
} input;

static input input_filled(check *c, const char *name, extents e, float beyond, float padding) {
    const size_t count = (size_t)(e.height * e.width * e.channels) * CVY_LANES;
    float *block = aligned_memory(c, count);
    check_fill(c, block, count, 1);
    for (size_t i = 0; i < count; i++)
        if (i % CVY_LANES >= (size_t)e.images)
            block[i] = beyond;
    float *nchw16c = check_input_raw(c, name, floats_of(e) * sizeof *nchw16c, 64);
    from_block(e, block, nchw16c);
    for (size_t i = 0, at; i < floats_of(e); i++)
        if (!in_block(e, i, &at))
            nchw16c[i] = padding;
    return (input){block, nchw16c};
}

/* ---- Convolution ---- */

static void describe(check *c, size_t number, check_step step, const conv2d_case *cc, int32_t images) {
    const cvy_conv2d_shape *s = &cc->shape;
    check_case(c, number, step, "%s %d images of %dx%dx%d, kernel %dx%d, stride %dx%d, %d filters",
               cc->name ? cc->name : "sweep", images, s->input.height, s->input.width, s->input.channels,
               s->kernel_height, s->kernel_width, s->stride_y, s->stride_x, s->filters);
}

/* NULL where the contract lets it be. */
static float *scratch_of(check *c, const cvy_conv2d_shape *s, bool needed) {
    if (!needed && s->filters % 16 == 0)
        return NULL;
    return check_scratch(c, "scratch",
                         (size_t)(s->kernel_height * s->kernel_width * padded(s->input.channels) * padded(s->filters)));
}

/* What the scalar kernel of HWC16N leaves in `block` must be here as well. */
static void check_same_bits(check *c, const char *name, extents e, const float *got, const float *block) {
    float *expected = check_memory(c, floats_of(e) * sizeof *expected);
    from_block(e, block, expected);
    check_floats(c, name, got, expected, axes_of(e));
}

static void forward(check *c, size_t i, check_step step, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    const int32_t images = images_of(i);
    const extents outputs = output_of(s, images);
    describe(c, i, step, cc, images);
    const input x = input_filled(c, "x", input_of(s, images), 0, NAN);
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const float *bias = i % 5 == 4 ? NULL : check_input(c, "bias", (size_t)s->filters);
    float *y = check_output(c, "y", floats_of(outputs)), *scratch = scratch_of(c, s, false);
    oracle_value *block = check_memory(c, conv2d_outputs(s) * sizeof *block);
    oracle_conv2d_forward(s, x.block, weights, bias, step == CHECK_INTEGER, block);
    const oracle_value *expected = values_from_block(c, outputs, block);
    float *hwc16n = aligned_memory(c, conv2d_outputs(s));
    cvy_conv2d_forward_hwc16n_scalar(s, x.block, weights, bias, hwc16n);
    CHECK_EACH_TIER(c) {
        rows.conv2d_forward_nchw16c[c->tier](s, images, x.nchw16c, weights, bias, y, scratch);
        check_values(c, "y", y, expected, axes_of(outputs), 0.5 * filled(outputs));
        check_same_bits(c, "y", outputs, y, hwc16n);
    }
}

static void backward_data(check *c, size_t i, check_step step, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    const int32_t images = images_of(i);
    const extents inputs = input_of(s, images);
    describe(c, i, step, cc, images);
    const input dy = input_filled(c, "dy", output_of(s, images), 0, NAN);
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const input derivative = i % 4 == 1 ? (input){NULL, NULL} : input_filled(c, "derivative", inputs, 0, NAN);
    float *dx = check_output(c, "dx", floats_of(inputs)), *scratch = scratch_of(c, s, true);
    oracle_value *block = check_memory(c, conv2d_inputs(s) * sizeof *block);
    oracle_conv2d_backward_data(s, dy.block, weights, derivative.block, step == CHECK_INTEGER, block);
    const oracle_value *expected = values_from_block(c, inputs, block);
    float *hwc16n = aligned_memory(c, conv2d_inputs(s));
    cvy_conv2d_backward_data_hwc16n_scalar(s, dy.block, weights, derivative.block, hwc16n);
    /* Strides beyond the kernel leave inputs that no output looks at. */
    const bool gaps = s->stride_y > s->kernel_height || s->stride_x > s->kernel_width;
    CHECK_EACH_TIER(c) {
        rows.conv2d_backward_data_nchw16c[c->tier](s, images, dy.nchw16c, weights, derivative.nchw16c, dx, scratch);
        check_values(c, "dx", dx, expected, axes_of(inputs), (gaps ? 0.05 : 0.4) * filled(inputs));
        check_same_bits(c, "dx", inputs, dx, hwc16n);
    }
}

/* The oracle and the scalar kernel of HWC16N want x in NHWC. */
static float *images_of_block(check *c, const cvy_conv2d_shape *s, const float *block) {
    float *images = check_memory(c, nhwc_extent(&s->input) * sizeof *images);
    cvy_reorder_hwc16n_nhwc_scalar(&s->input, block, images);
    return images;
}

static void backward_weights(check *c, size_t i, check_step step, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    const int32_t images = images_of(i);
    const size_t weights = conv2d_weights(s), filters = (size_t)s->filters;
    describe(c, i, step, cc, images);
    const input x = input_filled(c, "x", input_of(s, images), 1, NAN),
                dy = input_filled(c, "dy", output_of(s, images), 0, NAN);
    float *dweights = check_output(c, "dweights", weights);
    float *dbias = i % 5 == 4 ? NULL : check_output(c, "dbias", filters), *scratch = scratch_of(c, s, false);
    const float *nhwc = images_of_block(c, s, x.block);
    oracle_value *expected = check_memory(c, weights * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, filters * sizeof *expected_bias);
    oracle_conv2d_backward_weights(s, nhwc, dy.block, step == CHECK_INTEGER, expected);
    oracle_backward_bias((size_t)(s->output_height * s->output_width), s->filters, dy.block, step == CHECK_INTEGER,
                         expected_bias);
    float *hwc16n = aligned_memory(c, weights), *hwc16n_bias = aligned_memory(c, filters);
    cvy_conv2d_backward_weights_hwc16n_scalar(s, nhwc, dy.block, hwc16n, hwc16n_bias);
    CHECK_EACH_TIER(c) {
        rows.conv2d_backward_weights_nchw16c[c->tier](s, images, x.nchw16c, dy.nchw16c, dweights, dbias, scratch);
        check_values(c, "dweights", dweights, expected, CHECK_AXES(weights / filters, filters), 0.5);
        check_floats(c, "dweights", dweights, hwc16n, CHECK_AXES(weights / filters, filters));
        if (dbias) {
            check_values(c, "dbias", dbias, expected_bias, CHECK_AXES(filters), 0);
            check_floats(c, "dbias", dbias, hwc16n_bias, CHECK_AXES(filters));
        }
    }
}

static void each_conv2d(check *c, void (*run)(check *c, size_t i, check_step step, const conv2d_case *cc)) {
    conv2d_case cc;
    for (size_t i = 0; case_at(c, i, &cc); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++)
            if (check_conv2d_step(i, step))
                run(c, i, step, &cc);
}

CHECK_TEST(conv2d_forward_nchw16c, each_conv2d, forward)
CHECK_TEST(conv2d_backward_data_nchw16c, each_conv2d, backward_data)
CHECK_TEST(conv2d_backward_weights_nchw16c, each_conv2d, backward_weights)

/* ---- Pooling ---- */

static extents pool_input_of(const cvy_pool_shape *s, int32_t images) {
    return (extents){images, s->height, s->width, s->channels};
}

static extents pool_output_of(const cvy_pool_shape *s, int32_t images) {
    return (extents){images, s->output_height, s->output_width, s->channels};
}

static void describe_pool(check *c, size_t number, check_step step, const cvy_pool_shape *s, int32_t images) {
    check_case(c, number, step, "%d images of %dx%dx%d, window %dx%d, stride %dx%d, pad (%d, %d), outputs %dx%d",
               images, s->height, s->width, s->channels, s->window_height, s->window_width, s->stride_y, s->stride_x,
               s->pad_top, s->pad_left, s->output_height, s->output_width);
}

/* The argmax in this layout; for channels beyond the last it is the window's first position. */
static void argmax_from_block(const cvy_pool_shape *s, int32_t images, const int32_t *block, int32_t *to) {
    const extents e = pool_output_of(s, images);
    for (size_t i = 0, at; i < floats_of(e); i++) {
        const int32_t pixel = (int32_t)(i / 16 % (size_t)(e.height * e.width));
        const int32_t y = pixel / e.width * s->stride_y - s->pad_top, x = pixel % e.width * s->stride_x - s->pad_left;
        to[i] = in_block(e, i, &at) ? block[at] : (y > 0 ? y : 0) * s->width + (x > 0 ? x : 0);
    }
}

/* Ties, of both zeros too, so that the first of equals must win. Not so in the special step, half of the time. */
static void add_ties(check *c, float *block, size_t count) {
    static const float values[] = {-0.0f, 0.0f, 0.5f, -3.0f};
    for (size_t i = 0; i < count; i++)
        if (check_below(c, 2))
            block[i] = values[check_below(c, 4)];
}

static void max_forward(check *c, size_t i, check_step step, const cvy_pool_shape *s) {
    const int32_t images = images_of(i);
    const extents inputs = pool_input_of(s, images), outputs = pool_output_of(s, images);
    describe_pool(c, i, step, s, images);
    float *block = aligned_memory(c, pool_inputs(s));
    check_fill(c, block, pool_inputs(s), 1);
    if (step != CHECK_RANDOM || i % 2)
        add_ties(c, block, pool_inputs(s));
    float *x = check_input_raw(c, "x", floats_of(inputs) * sizeof *x, 64);
    from_block(inputs, block, x);
    float *y = check_output(c, "y", floats_of(outputs));
    int32_t *argmax = i % 4 == 3 ? NULL : check_output_int32(c, "argmax", floats_of(outputs));
    float *expected = aligned_memory(c, pool_outputs_of(s)), *hwc16n = aligned_memory(c, pool_outputs_of(s));
    int32_t *argmax_block = check_memory(c, pool_outputs_of(s) * sizeof *argmax_block);
    int32_t *expected_argmax = check_memory(c, floats_of(outputs) * sizeof *expected_argmax);
    oracle_maxpool_forward(s, block, expected, argmax_block);
    argmax_from_block(s, images, argmax_block, expected_argmax);
    cvy_maxpool_forward_hwc16n_scalar(s, block, hwc16n, NULL);
    CHECK_EACH_TIER(c) {
        rows.maxpool_forward_nchw16c[c->tier](s, images, x, y, argmax);
        check_same_bits(c, "y", outputs, y, expected);
        check_same_bits(c, "y", outputs, y, hwc16n);
        if (argmax)
            check_integers(c, "argmax", argmax, expected_argmax, axes_of(outputs));
    }
}

/* Not every input is in a window, and only some of those are an argmax. */
static double share_of_argmax(const cvy_pool_shape *s) {
    const double share = (double)pool_outputs_of(s) / (double)pool_inputs(s);
    return fmin(0.25, share / (4 * s->window_height * s->window_width));
}

static void max_backward(check *c, size_t i, check_step step, const cvy_pool_shape *s) {
    const int32_t images = images_of(i);
    const extents inputs = pool_input_of(s, images), outputs = pool_output_of(s, images);
    describe_pool(c, i, step, s, images);
    const input dy = input_filled(c, "dy", outputs, 0, 0);
    const input derivative = i % 2 ? input_filled(c, "derivative", inputs, 0, 0) : (input){NULL, NULL};
    float *x = check_memory(c, pool_inputs(s) * sizeof *x), *y = check_memory(c, pool_outputs_of(s) * sizeof *y);
    for (size_t k = 0; k < pool_inputs(s); k++)
        x[k] = check_uniform(c);
    int32_t *argmax_block = (int32_t *)(void *)aligned_memory(c, pool_outputs_of(s));
    oracle_maxpool_forward(s, x, y, argmax_block);
    int32_t *argmax = check_input_raw(c, "argmax", floats_of(outputs) * sizeof *argmax, 64);
    argmax_from_block(s, images, argmax_block, argmax);
    float *dx = check_output(c, "dx", floats_of(inputs));
    oracle_value *block = check_memory(c, pool_inputs(s) * sizeof *block);
    oracle_sum *sums = check_memory(c, pool_inputs(s) * sizeof *sums);
    oracle_maxpool_backward(s, dy.block, argmax_block, derivative.block, step == CHECK_INTEGER, sums, block);
    const oracle_value *expected = values_from_block(c, inputs, block);
    float *hwc16n = aligned_memory(c, pool_inputs(s));
    cvy_maxpool_backward_hwc16n_scalar(s, dy.block, argmax_block, derivative.block, hwc16n);
    const double share = share_of_argmax(s) * filled(inputs);
    CHECK_EACH_TIER(c) {
        rows.maxpool_backward_nchw16c[c->tier](s, images, dy.nchw16c, argmax, derivative.nchw16c, dx);
        check_values(c, "dx", dx, expected, axes_of(inputs), share);
        check_same_bits(c, "dx", inputs, dx, hwc16n);
    }
}

static void average_forward(check *c, size_t i, check_step step, const cvy_pool_shape *s) {
    const int32_t images = images_of(i);
    const extents outputs = pool_output_of(s, images);
    describe_pool(c, i, step, s, images);
    const input x = input_filled(c, "x", pool_input_of(s, images), 0, 0);
    float *y = check_output(c, "y", floats_of(outputs)), *hwc16n = aligned_memory(c, pool_outputs_of(s));
    oracle_value *block = check_memory(c, pool_outputs_of(s) * sizeof *block);
    oracle_avgpool_forward(s, x.block, step == CHECK_INTEGER, block);
    const oracle_value *expected = values_from_block(c, outputs, block);
    cvy_avgpool_forward_hwc16n_scalar(s, x.block, hwc16n);
    CHECK_EACH_TIER(c) {
        rows.avgpool_forward_nchw16c[c->tier](s, images, x.nchw16c, y);
        check_values(c, "y", y, expected, axes_of(outputs), 0.4 * filled(outputs));
        check_same_bits(c, "y", outputs, y, hwc16n);
    }
}

static void average_backward(check *c, size_t i, check_step step, const cvy_pool_shape *s) {
    const int32_t images = images_of(i);
    const extents inputs = pool_input_of(s, images);
    describe_pool(c, i, step, s, images);
    const input dy = input_filled(c, "dy", pool_output_of(s, images), 0, 0);
    const input derivative = i % 2 ? input_filled(c, "derivative", inputs, 0, 0) : (input){NULL, NULL};
    float *dx = check_output(c, "dx", floats_of(inputs)), *hwc16n = aligned_memory(c, pool_inputs(s));
    oracle_value *block = check_memory(c, pool_inputs(s) * sizeof *block);
    oracle_sum *sums = check_memory(c, pool_inputs(s) * sizeof *sums);
    oracle_avgpool_backward(s, dy.block, derivative.block, step == CHECK_INTEGER, sums, block);
    const oracle_value *expected = values_from_block(c, inputs, block);
    cvy_avgpool_backward_hwc16n_scalar(s, dy.block, derivative.block, hwc16n);
    CHECK_EACH_TIER(c) {
        rows.avgpool_backward_nchw16c[c->tier](s, images, dy.nchw16c, derivative.nchw16c, dx);
        check_values(c, "dx", dx, expected, axes_of(inputs), share_of_argmax(s) * filled(inputs));
        check_same_bits(c, "dx", inputs, dx, hwc16n);
    }
}

static void each_pool(check *c, void (*run)(check *c, size_t i, check_step step, const cvy_pool_shape *s)) {
    pool_case pc;
    for (size_t i = 0; pool_case_at(c->set, i, &pc); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++)
            run(c, i, step, &pc.shape);
}

CHECK_TEST(maxpool_forward_nchw16c, each_pool, max_forward)
CHECK_TEST(maxpool_backward_nchw16c, each_pool, max_backward)
CHECK_TEST(avgpool_forward_nchw16c, each_pool, average_forward)
CHECK_TEST(avgpool_backward_nchw16c, each_pool, average_backward)

/* ---- Reorders: copies, so every bit counts, and what lies between rows and images of an NHWC buffer stays ---- */

static extents image_of(const cvy_image_shape *s, int32_t images) {
    return (extents){images, s->height, s->width, s->channels};
}

/* Floats from the first element of the first image to the last of the last. */
static size_t nhwc_floats(const cvy_image_shape *s, int32_t images) {
    return nhwc_extent(s) - (size_t)(CVY_LANES - images) * (size_t)s->image;
}

/* Channels up to 70, beside the images of all tests: the list ends at 33. */
static bool image_at(const check *c, size_t i, cvy_image_shape *s) {
    enum { WIDE = 37 };
    if (i < WIDE) {
        const int32_t channels = 34 + (int32_t)i, width = 1 + (int32_t)(i % 5),
                      row = width * channels + (int32_t)(i % 7);
        *s = (cvy_image_shape){2, width, channels, row, 2 * row + (int32_t)(i % 3)};
        return true;
    }
    image_case ic;
    const bool more = image_case_at(c->set, i - WIDE, &ic);
    if (more)
        *s = ic.shape;
    return more;
}

/* A case of a reorder: an image's shape, how many of them, and their extents. */
typedef struct reorder {
    cvy_image_shape s;
    int32_t images;
    extents e;
} reorder;

static bool reorder_at(check *c, size_t i, reorder *r) {
    if (!image_at(c, i, &r->s))
        return false;
    r->images = images_of(i);
    r->e = image_of(&r->s, r->images);
    check_case(c, i, CHECK_RANDOM, "%d images of %dx%dx%d, row %d, image %d", r->images, r->s.height, r->s.width,
               r->s.channels, r->s.row, r->s.image);
    return true;
}

/* What a block is in NCHW16C. */
static float *expect_nchw16c(check *c, const reorder *r, const float *block) {
    float *expected = check_memory(c, floats_of(r->e) * sizeof *expected);
    from_block(r->e, block, expected);
    return expected;
}

void test_reorder_nhwc_nchw16c(check *c) {
    reorder r;
    for (size_t i = 0; reorder_at(c, i, &r); i++) {
        const float *from = check_input_nhwc(c, "images", nhwc_floats(&r.s, r.images));
        float *y = check_output(c, "y", floats_of(r.e)), *block = aligned_memory(c, image_elements(&r.s));
        cvy_reorder_nhwc_hwc16n_scalar(&r.s, from, r.images, block);
        const float *expected = expect_nchw16c(c, &r, block);
        CHECK_EACH_TIER(c) {
            rows.reorder_nhwc_nchw16c[c->tier](&r.s, r.images, from, y);
            check_floats(c, "y", y, expected, axes_of(r.e));
        }
    }
}

void test_reorder_nchw16c_nhwc(check *c) {
    reorder r;
    for (size_t i = 0; reorder_at(c, i, &r); i++) {
        const input x = input_filled(c, "x", r.e, 0, NAN);
        const size_t count = nhwc_floats(&r.s, r.images), all = nhwc_extent(&r.s);
        float *to = check_output_nhwc(c, "images", count);
        float *expected = check_memory(c, all * sizeof *expected);
        for (size_t k = 0; k < all; k++)
            expected[k] = check_untouched();
        cvy_reorder_hwc16n_nhwc_scalar(&r.s, x.block, expected);
        CHECK_EACH_TIER(c) {
            rows.reorder_nchw16c_nhwc[c->tier](&r.s, r.images, x.nchw16c, to);
            check_floats(c, "images", to, expected, CHECK_AXES(count));
        }
    }
}

void test_reorder_hwc16n_nchw16c(check *c) {
    reorder r;
    for (size_t i = 0; reorder_at(c, i, &r); i++) {
        const float *block = check_input(c, "block", image_elements(&r.s));
        float *y = check_output(c, "y", floats_of(r.e));
        const float *expected = expect_nchw16c(c, &r, block);
        CHECK_EACH_TIER(c) {
            rows.reorder_hwc16n_nchw16c[c->tier](&r.s, r.images, block, y);
            check_floats(c, "y", y, expected, axes_of(r.e));
        }
    }
}

void test_reorder_nchw16c_hwc16n(check *c) {
    reorder r;
    for (size_t i = 0; reorder_at(c, i, &r); i++) {
        const input x = input_filled(c, "x", r.e, 0, NAN);
        float *block = check_output(c, "block", image_elements(&r.s));
        CHECK_EACH_TIER(c) {
            rows.reorder_nchw16c_hwc16n[c->tier](&r.s, r.images, x.nchw16c, block);
            check_floats(c, "block", block, x.block, CHECK_AXES(image_elements(&r.s)));
        }
    }
}
