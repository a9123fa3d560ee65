/* Convolution, activation and 2x2 max-pool in one: forward, and the gradients that take the argmax of each window. */
#include <math.h>

#include "check.h"
#include "scratch.h"

static void describe(check *c, size_t number, check_step step, const conv2d_case *cc, const char *more) {
    const cvy_conv2d_shape *s = &cc->shape;
    check_case(c, number, step, "%s %dx%dx%d (row %d, image %d), kernel %dx%d, stride %dx%d, %d filters, %s",
               cc->name ? cc->name : "sweep", s->input.height, s->input.width, s->input.channels, s->input.row,
               s->input.image, s->kernel_height, s->kernel_width, s->stride_y, s->stride_x, s->filters, more);
}

static check_axes pooled_axes(const cvy_conv2d_shape *s) {
    return CHECK_AXES((size_t)(s->output_height / 2), (size_t)(s->output_width / 2), (size_t)s->filters, CVY_LANES);
}

/* ---- Forward ---- */

/* What a forward pass must give. */
typedef struct forward_expected {
    oracle_value *y, *derivative;
    int32_t *argmax;
    bool true_argmax;
} forward_expected;

static forward_expected expect_forward(check *c, const cvy_conv2d_shape *s, cvy_activation_kind activation,
                                       const float *x, const float *weights, const float *bias) {
    const size_t pooled = conv2d_pooled(s);
    oracle_value *z = check_memory(c, conv2d_outputs(s) * sizeof *z);
    forward_expected e = {.y = check_memory(c, pooled * sizeof *e.y),
                          .derivative = check_memory(c, pooled * sizeof *e.derivative),
                          .argmax = check_memory(c, pooled * sizeof *e.argmax)};
    oracle_conv2d_forward(s, x, weights, bias, c->step == CHECK_INTEGER, z);
    e.true_argmax = oracle_maxpool2x2(s, activation, z, e.y, e.derivative, e.argmax);
    return e;
}

/* relu may be 0 in all of a few outputs; the others never are. */
static double share_of(cvy_activation_kind activation, const cvy_conv2d_shape *s) {
    if (activation == CVY_ACT_RELU)
        return s->filters >= 3 && s->kernel_height * s->kernel_width * s->input.channels >= 9 ? 0.1 : 0;
    return 0.5;
}

static void compare_forward(check *c, const cvy_conv2d_shape *s, cvy_activation_kind activation, const float *x,
                            const float *weights, const float *bias, bool inference) {
    const forward_expected e = expect_forward(c, s, activation, x, weights, bias);
    float *y = check_output(c, "y", conv2d_pooled(s));
    float *derivative = inference ? NULL : check_output(c, "derivative", conv2d_pooled(s));
    int32_t *argmax = inference ? NULL : check_output_int32(c, "argmax", conv2d_pooled(s));
    CHECK_EACH_TIER(c) {
        rows.conv2d_maxpool2x2_forward_hwc16n[c->tier](s, activation, x, weights, bias, y, derivative, argmax);
        check_values(c, "y", y, e.y, pooled_axes(s), share_of(activation, s));
        if (!inference) {
            check_values(c, "derivative", derivative, e.derivative, pooled_axes(s), share_of(activation, s));
            check_integers(c, "argmax", argmax, e.argmax, pooled_axes(s));
        }
        if (c->step != CHECK_SPECIAL && !e.true_argmax)
            check_fail(c, "argmax: the contract's rule chooses one that is not the largest");
    }
}

/* Weights small enough that z seldom leaves the range where the activation is curved. */
static void forward(check *c, size_t i, check_step step, const conv2d_case *cc, cvy_activation_kind activation) {
    const cvy_conv2d_shape *s = &cc->shape;
    const double terms = s->kernel_height * s->kernel_width * s->input.channels;
    describe(c, i, step, cc, oracle_activation_name(activation));
    const float *x = check_input(c, "x", conv2d_inputs(s));
    const float *weights = check_input_within(c, "weights", conv2d_weights(s), (float)fmin(1, 5 / sqrt(terms)));
    const float *bias = i % 5 == 4 ? NULL : check_input(c, "bias", (size_t)s->filters);
    compare_forward(c, s, activation, x, weights, bias, i % 3 == 2);
}

static bool has_windows(const cvy_conv2d_shape *s) {
    return s->output_height >= 2 && s->output_width >= 2;
}

static void forward_steps(check *c, size_t i, const conv2d_case *cc) {
    const cvy_activation_kind other = (cvy_activation_kind)(i % 5);
    forward(c, i, CHECK_INTEGER, cc, i % 2 ? CVY_ACT_LINEAR : CVY_ACT_RELU);
    forward(c, i, CHECK_RANDOM, cc, CVY_ACT_SILU);
    if (other != CVY_ACT_SILU)
        forward(c, i, CHECK_RANDOM, cc, other);
    if (i % 4 == 0)
        forward(c, i, CHECK_SPECIAL, cc, i % 8 ? CVY_ACT_SILU : other);
}

/* ---- Which of the four: windows of chosen z ---- */

/* A 1x1 convolution with weight 1 and bias -0 passes x through, the sign of zero too. */
static cvy_conv2d_shape identity(int32_t windows) {
    return (cvy_conv2d_shape){{2, 2 * windows, 1, 2 * windows, 4 * windows}, 1, 1, 1, 1, 1, 2, 2 * windows};
}

typedef void fill_window(check *c, size_t number, float z[4]);

static void windows_of(check *c, size_t number, check_step step, cvy_activation_kind activation, size_t count,
                       fill_window *fill) {
    const cvy_conv2d_shape s = identity((int32_t)(count / CVY_LANES));
    check_case(c, number, step, "%zu windows of chosen z, %s", count, oracle_activation_name(activation));
    float *x = check_input_raw(c, "x", conv2d_inputs(&s) * sizeof *x, 64);
    float *weight = check_input_raw(c, "weights", sizeof *weight, 64);
    float *bias = check_input_raw(c, "bias", sizeof *bias, 64);
    *weight = 1.0f;
    *bias = -0.0f;
    for (size_t w = 0; w < count; w++) {
        float z[4];
        fill(c, w, z);
        for (size_t i = 0; i < 4; i++)
            x[((i / 2 * (size_t)s.input.width) + w / CVY_LANES * 2 + i % 2) * CVY_LANES + w % CVY_LANES] = z[i];
    }
    compare_forward(c, &s, activation, x, weight, bias, false);
}

/* All 4-tuples of the numbers at which the rule turns, and of those that compare oddly. */
static const float turning[] = {-INFINITY,
                                -200.0f,
                                -88.0f,
                                -87.25f,
                                -87.0f,
                                -3.0f,
                                -1.28f,
                                -1.2784647f,
                                -1.2784645f,
                                -1.2784644f,
                                -1.2f,
                                -0.5f,
                                -0x1.000002p-100f,
                                -0x1p-100f,
                                -0x1p-140f,
                                -0.0f,
                                0.0f,
                                0x1p-140f,
                                0.5f,
                                100.0f,
                                INFINITY,
                                NAN};

enum { TURNING = sizeof turning / sizeof *turning };

static void fill_turning(check *c, size_t number, float z[4]) {
    (void)c;
    for (int i = 0; i < 4; i++, number /= TURNING)
        z[i] = turning[number % TURNING];
}

static float silu(float z) {
    oracle_value y, derivative;
    oracle_activation(CVY_ACT_SILU, (oracle_value){z, 0, z}, &y, &derivative);
    return y.exact;
}

/* The z below silu's minimum where silu climbs to at least that of `a` above it. */
static float counterpart(float a) {
    float low = -200.0f, high = -1.2784645f;
    for (int i = 0; i < 40; i++) {
        const float middle = low + (high - low) / 2;
        *(silu(middle) > silu(a) ? &low : &high) = middle;
    }
    return high;
}

/* The largest and the smallest z have silu's that are equal or next to it; the other two lie between, or tie. */
static void fill_near_ties(check *c, size_t number, float z[4]) {
    const float a = -1.2784645f * (float)(check_below(c, 1u << 20) + 1) * 0x1p-20f;
    float b = counterpart(a);
    for (uint32_t steps = check_below(c, 4); steps > 0; steps--)
        b = nextafterf(b, number % 2 ? -INFINITY : 0.0f);
    for (int i = 0; i < 4; i++) {
        const uint32_t r = check_below(c, 4);
        z[i] = r == 0 ? a : r == 1 ? b : b + (a - b) * (float)check_below(c, 256) / 256;
    }
    z[number % 4] = a;
    z[(number + 1 + number / 4 % 3) % 4] = b;
}

/* The largest z anywhere between silu's minimum and 0, the smallest on either side of its counterpart, next to it and
 * far: wherever a kernel may decide without computing silu, it must decide as silu would. */
static void fill_either_way(check *c, size_t number, float z[4]) {
    const float a =
        -ldexpf(1.0f + (float)check_below(c, 1u << 16) * 0x1p-16f, -(int)check_below(c, number % 2 ? 8 : 100));
    const float b = counterpart(a) + ((float)check_below(c, 1u << 16) * 0x1p-15f - 1.0f) * (number % 4 < 2 ? 1 : 8);
    for (int i = 0; i < 4; i++)
        z[i] = b + (a - b) * (float)check_below(c, 256) / 256;
    z[number % 4] = a;
    z[(number + 1 + number / 4 % 3) % 4] = b;
}

static void forward_choices(check *c) {
    const size_t all = (size_t)TURNING * TURNING * TURNING * TURNING;
    for (int activation = CVY_ACT_LINEAR; activation <= CVY_ACT_TANH; activation++)
        windows_of(c, 100000 + (size_t)activation, CHECK_SPECIAL, (cvy_activation_kind)activation, all, fill_turning);
    windows_of(c, 100010, CHECK_RANDOM, CVY_ACT_SILU, 16000, fill_near_ties);
    windows_of(c, 100011, CHECK_RANDOM, CVY_ACT_SILU, 64000, fill_either_way);
}

void test_conv2d_maxpool2x2_forward_hwc16n(check *c) {
    conv2d_case cc;
    for (size_t i = 0; conv2d_case_at(c->set, i, &cc); i++)
        if (has_windows(&cc.shape))
            forward_steps(c, i, &cc);
    forward_choices(c);
}

/* ---- Backward ---- */

/* One of each window's four outputs, at random: every pattern that a forward pass could leave, and those it could not.
 */
static int32_t *some_argmax(check *c, const cvy_conv2d_shape *s) {
    int32_t *argmax = check_input_raw(c, "argmax", conv2d_pooled(s) * sizeof *argmax, 64);
    for (size_t at = 0; at < conv2d_pooled(s); at++)
        argmax[at] = (int32_t)check_below(c, 4);
    return argmax;
}

static void backward_data(check *c, size_t i, check_step step, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    if (!has_windows(s))
        return;
    describe(c, i, step, cc, i % 3 == 0 ? "pooled" : "pooled, with derivative");
    const float *dy = check_input(c, "dy", conv2d_pooled(s));
    const int32_t *argmax = some_argmax(c, s);
    const float *weights = check_input(c, "weights", conv2d_weights(s));
    const float *derivative = i % 3 == 0 ? NULL : check_input(c, "derivative", conv2d_inputs(s));
    float *dx = check_output(c, "dx", conv2d_inputs(s));
    float *scratch = check_scratch(c, "scratch", cvy_conv2d_maxpool2x2_data_scratch(s));
    oracle_sum *sums = check_memory(c, conv2d_inputs(s) * sizeof *sums);
    oracle_value *expected = check_memory(c, conv2d_inputs(s) * sizeof *expected);
    oracle_conv2d_maxpool2x2_backward_data(s, dy, argmax, weights, derivative, step == CHECK_INTEGER, sums, expected);
    CHECK_EACH_TIER(c) {
        rows.conv2d_maxpool2x2_backward_data_hwc16n[c->tier](s, dy, argmax, weights, derivative, dx, scratch);
        /* A kernel of one tap with strides reaches few inputs, and a quarter of those. */
        check_values(c, "dx", dx, expected,
                     CHECK_AXES((size_t)s->input.height, (size_t)s->input.width, (size_t)s->input.channels, CVY_LANES),
                     0.01);
    }
}

static void backward_weights(check *c, size_t i, check_step step, const conv2d_case *cc) {
    const cvy_conv2d_shape *s = &cc->shape;
    if (!has_windows(s))
        return;
    const size_t windows = (size_t)((s->output_height / 2) * (s->output_width / 2));
    describe(c, i, step, cc, i % 5 == 4 ? "pooled, no bias" : "pooled");
    float *x = check_input(c, "x", conv2d_inputs(s)), *dy = check_input(c, "dy", conv2d_pooled(s));
    check_fill_underflow(i, step, x, conv2d_inputs(s), dy, conv2d_pooled(s));
    const int32_t *argmax = some_argmax(c, s);
    float *dweights = check_output(c, "dweights", conv2d_weights(s));
    float *dbias = i % 5 == 4 ? NULL : check_output(c, "dbias", (size_t)s->filters);
    float *scratch = check_scratch(c, "scratch", cvy_conv2d_maxpool2x2_weights_scratch(s));
    oracle_value *expected = check_memory(c, conv2d_weights(s) * sizeof *expected);
    oracle_value *expected_bias = check_memory(c, (size_t)s->filters * sizeof *expected_bias);
    oracle_conv2d_maxpool2x2_backward_weights(s, x, dy, argmax, step == CHECK_INTEGER, expected);
    oracle_backward_bias(windows, s->filters, dy, step == CHECK_INTEGER, expected_bias);
    CHECK_EACH_TIER(c) {
        rows.conv2d_maxpool2x2_backward_weights_hwc16n[c->tier](s, x, dy, argmax, dweights, dbias, scratch);
        check_values(c, "dweights", dweights, expected,
                     CHECK_AXES((size_t)s->kernel_height, (size_t)s->kernel_width, (size_t)s->input.channels,
                                (size_t)s->filters),
                     0.5);
        if (dbias)
            check_values(c, "dbias", dbias, expected_bias, CHECK_AXES((size_t)s->filters), 0);
    }
}

CHECK_TEST(conv2d_maxpool2x2_backward_data_hwc16n, check_each_conv2d, backward_data)
CHECK_TEST(conv2d_maxpool2x2_backward_weights_hwc16n, check_each_conv2d, backward_weights)
