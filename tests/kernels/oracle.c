#include "oracle.h"

#include <math.h>
#include <string.h>

#define U 0x1p-24 /* half the distance from 1 to the next float: one rounding's relative error */

/* ---- Sums ---- */

/* The product of two floats is exact in double; the sum is then rounded twice, which goes wrong only where the double
 * lies halfway between two floats, or where the float is subnormal and so keeps fewer bits. */
float oracle_fma(float a, float b, float c) {
    const double sum = (double)a * b + c;
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((bits & 0x1fffffff) == 0x10000000 || fabs(sum) < 0x1p-125)
        return fmaf(a, b, c);
    return (float)sum;
}

void oracle_add(oracle_sum *sum, float a, float b) {
    const double product = (double)a * b;
    sum->value += product;
    sum->magnitude += fabs(product);
    sum->chain = oracle_fma(a, b, sum->chain);
    sum->length++;
}

/* A bias begins the chain: it is not rounded, so it adds to S but not to d. */
static oracle_sum sum_from(float bias) {
    return (oracle_sum){.value = bias, .magnitude = fabs((double)bias), .chain = bias, .length = 0};
}

static double gamma_of(double n) {
    return n * U / (1 - n * U);
}

double oracle_rounding(double value) {
    return 1.0001 * U * fabs(value) + 0x1p-149;
}

/* A float subnormal may be off by 2^-150 a rounding whatever its size. */
static double sum_bound(double magnitude, int32_t length) {
    const double derived = gamma_of(length + 2) * magnitude;
    const double wire = 6 * sqrt(length) * U * magnitude;
    return fmin(derived, fmax(wire, gamma_of(2) * magnitude)) + (length + 2) * 0x1p-150;
}

oracle_value oracle_result(const oracle_sum *sum, const float *factor, bool integers) {
    const float f = factor ? *factor : 1.0f;
    oracle_value v = {.value = sum->value * f,
                      .bound = sum_bound(sum->magnitude * fabs((double)f), sum->length),
                      .exact = factor ? sum->chain * f : sum->chain};
    if (integers)
        v.bound = sum->magnitude * fmax(1, fabs((double)f)) < 0x1p24 ? 0 : NAN;
    return v;
}

/* ---- Convolution ---- */

static size_t block_at(int32_t width, int32_t channels, int32_t y, int32_t x, int32_t c) {
    return (((size_t)y * (size_t)width + (size_t)x) * (size_t)channels + (size_t)c) * CVY_LANES;
}

static size_t weight_at(const cvy_conv2d_shape *s, int32_t ky, int32_t kx, int32_t c, int32_t f) {
    return (((size_t)ky * (size_t)s->kernel_width + (size_t)kx) * (size_t)s->input.channels + (size_t)c) *
               (size_t)s->filters +
           (size_t)f;
}

static void convolve_at(const cvy_conv2d_shape *s, const float *x, const float *weights, const float *bias, int32_t oy,
                        int32_t ox, int32_t f, oracle_sum sum[CVY_LANES]) {
    for (int l = 0; l < CVY_LANES; l++)
        sum[l] = sum_from(bias ? bias[f] : 0.0f);
    for (int32_t ky = 0; ky < s->kernel_height; ky++)
        for (int32_t kx = 0; kx < s->kernel_width; kx++)
            for (int32_t c = 0; c < s->input.channels; c++)
                for (int l = 0; l < CVY_LANES; l++)
                    oracle_add(
                        &sum[l],
                        x[block_at(s->input.width, s->input.channels, oy * s->stride_y + ky, ox * s->stride_x + kx, c) +
                          (size_t)l],
                        weights[weight_at(s, ky, kx, c, f)]);
}

void oracle_conv2d_forward(const cvy_conv2d_shape *s, const float *x, const float *weights, const float *bias,
                           bool integers, oracle_value *y) {
    for (int32_t oy = 0; oy < s->output_height; oy++)
        for (int32_t ox = 0; ox < s->output_width; ox++)
            for (int32_t f = 0; f < s->filters; f++) {
                oracle_sum sum[CVY_LANES];
                convolve_at(s, x, weights, bias, oy, ox, f, sum);
                for (int l = 0; l < CVY_LANES; l++)
                    *y++ = oracle_result(&sum[l], NULL, integers);
            }
}

/* The output o sees position i at tap i - o * stride, if the kernel has one. */
static bool sees(int32_t i, int32_t o, int32_t stride, int32_t taps) {
    return i - o * stride >= 0 && i - o * stride < taps;
}

static void convolve_back_at(const cvy_conv2d_shape *s, const float *dy, const float *weights, int32_t y, int32_t x,
                             int32_t c, oracle_sum sum[CVY_LANES]) {
    for (int l = 0; l < CVY_LANES; l++)
        sum[l] = sum_from(0.0f);
    for (int32_t oy = 0; oy < s->output_height; oy++)
        for (int32_t ox = 0; sees(y, oy, s->stride_y, s->kernel_height) && ox < s->output_width; ox++)
            for (int32_t f = 0; sees(x, ox, s->stride_x, s->kernel_width) && f < s->filters; f++)
                for (int l = 0; l < CVY_LANES; l++)
                    oracle_add(&sum[l], dy[block_at(s->output_width, s->filters, oy, ox, f) + (size_t)l],
                               weights[weight_at(s, y - oy * s->stride_y, x - ox * s->stride_x, c, f)]);
}

void oracle_conv2d_backward_data(const cvy_conv2d_shape *s, const float *dy, const float *weights,
                                 const float *derivative, bool integers, oracle_value *dx) {
    size_t i = 0;
    for (int32_t y = 0; y < s->input.height; y++)
        for (int32_t x = 0; x < s->input.width; x++)
            for (int32_t c = 0; c < s->input.channels; c++) {
                oracle_sum sum[CVY_LANES];
                convolve_back_at(s, dy, weights, y, x, c, sum);
                for (int l = 0; l < CVY_LANES; l++, i++)
                    dx[i] = oracle_result(&sum[l], derivative ? &derivative[i] : NULL, integers);
            }
}

/* The gradients of one filter times the inputs at a tap, (ky, kx, c) of the images. */
static oracle_sum correlate(const cvy_conv2d_shape *s, const float *images, const float *dy, int32_t f, int32_t tap) {
    oracle_sum sum = sum_from(0.0f);
    for (int l = 0; l < CVY_LANES; l++)
        for (int32_t y = 0; y < s->output_height; y++)
            for (int32_t x = 0; x < s->output_width; x++) {
                const size_t at = block_at(s->output_width, s->filters, y, x, f) + (size_t)l;
                const int32_t field = y * s->stride_y * s->input.row + x * s->stride_x * s->input.channels;
                oracle_add(&sum, dy[at], images[(ptrdiff_t)l * s->input.image + field + tap]);
            }
    return sum;
}

void oracle_conv2d_backward_weights(const cvy_conv2d_shape *s, const float *images, const float *dy, bool integers,
                                    oracle_value *dweights) {
    for (int32_t ky = 0; ky < s->kernel_height; ky++)
        for (int32_t kx = 0; kx < s->kernel_width; kx++)
            for (int32_t c = 0; c < s->input.channels; c++)
                for (int32_t f = 0; f < s->filters; f++) {
                    oracle_sum sum = correlate(s, images, dy, f, ky * s->input.row + kx * s->input.channels + c);
                    sum.chain += 0.0f; /* leaves no -0 */
                    dweights[weight_at(s, ky, kx, c, f)] = oracle_result(&sum, NULL, integers);
                }
}

/* The sum of the lanes, into the first: four more roundings. */
static void fold(oracle_sum lane[CVY_LANES]) {
    for (int half = CVY_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) {
            lane[l].value += lane[l + half].value;
            lane[l].magnitude += lane[l + half].magnitude;
            lane[l].chain += lane[l + half].chain;
            lane[l].length++;
        }
}

void oracle_conv2d_maxpool2x2_backward_weights(const cvy_conv2d_shape *s, const float *x, const float *dy,
                                               const int32_t *argmax, bool integers, oracle_value *dweights) {
    const int32_t height = s->output_height / 2, width = s->output_width / 2;
    for (int32_t ky = 0; ky < s->kernel_height; ky++)
        for (int32_t kx = 0; kx < s->kernel_width; kx++)
            for (int32_t c = 0; c < s->input.channels; c++)
                for (int32_t f = 0; f < s->filters; f++) {
                    oracle_sum lane[CVY_LANES];
                    for (size_t l = 0; l < CVY_LANES; l++) {
                        lane[l] = sum_from(0.0f);
                        for (int32_t p = 0; p < height * width; p++) {
                            const size_t at = ((size_t)p * (size_t)s->filters + (size_t)f) * CVY_LANES + l;
                            const int32_t oy = p / width * 2 + argmax[at] / 2, ox = p % width * 2 + argmax[at] % 2;
                            oracle_add(&lane[l], dy[at],
                                       x[block_at(s->input.width, s->input.channels, oy * s->stride_y + ky,
                                                  ox * s->stride_x + kx, c) +
                                         l]);
                        }
                    }
                    fold(lane);
                    lane[0].chain += 0.0f; /* leaves no -0 */
                    dweights[weight_at(s, ky, kx, c, f)] = oracle_result(&lane[0], NULL, integers);
                }
}

void oracle_backward_bias(size_t positions, int32_t filters, const float *dy, bool integers, oracle_value *dbias) {
    for (int32_t f = 0; f < filters; f++) {
        oracle_sum lane[CVY_LANES];
        for (int l = 0; l < CVY_LANES; l++) {
            lane[l] = sum_from(0.0f);
            for (size_t p = 0; p < positions; p++)
                oracle_add(&lane[l], dy[(p * (size_t)filters + (size_t)f) * CVY_LANES + (size_t)l], 1.0f);
        }
        fold(lane);
        dbias[f] = oracle_result(&lane[0], NULL, integers);
    }
}

/* One lane of one window and filter, to the inputs of all tiles that the window overlaps: rows [top, bottom) and
 * columns [left, right). */
static void spread_argmax(const cvy_conv2d_shape *s, float dy, int32_t oy, int32_t ox, const float *weights, int32_t f,
                          const int32_t rows[2], const int32_t columns[2], size_t l, oracle_sum *sums) {
    for (int32_t y = rows[0]; y < rows[1]; y++)
        for (int32_t x = columns[0]; x < columns[1]; x++)
            for (int32_t c = 0; c < s->input.channels; c++) {
                const int32_t ky = y - oy * s->stride_y, kx = x - ox * s->stride_x;
                const bool seen = ky >= 0 && ky < s->kernel_height && kx >= 0 && kx < s->kernel_width;
                oracle_add(&sums[block_at(s->input.width, s->input.channels, y, x, c) + l], dy,
                           seen ? weights[weight_at(s, ky, kx, c, f)] : 0.0f);
            }
}

/* The inputs, rounded to whole tiles, that window `at` of an axis sees with any of its fields. */
static void overlap(int32_t at, int32_t kernel, int32_t stride, int32_t inputs, int32_t range[2]) {
    range[0] = 2 * at * stride;
    range[1] = (range[0] + stride + kernel + 1) / 2 * 2;
    range[1] = range[1] < inputs ? range[1] : inputs;
}

void oracle_conv2d_maxpool2x2_backward_data(const cvy_conv2d_shape *s, const float *dy, const int32_t *argmax,
                                            const float *weights, const float *derivative, bool integers,
                                            oracle_sum *sums, oracle_value *dx) {
    const size_t inputs = block_at(s->input.width, s->input.channels, s->input.height, 0, 0);
    for (size_t i = 0; i < inputs; i++)
        sums[i] = sum_from(0.0f);
    size_t at = 0;
    for (int32_t py = 0; py < s->output_height / 2; py++)
        for (int32_t px = 0; px < s->output_width / 2; px++) {
            int32_t rows[2], columns[2];
            overlap(py, s->kernel_height, s->stride_y, s->input.height, rows);
            overlap(px, s->kernel_width, s->stride_x, s->input.width, columns);
            for (int32_t f = 0; f < s->filters; f++)
                for (size_t l = 0; l < CVY_LANES; l++, at++)
                    spread_argmax(s, dy[at], 2 * py + argmax[at] / 2, 2 * px + argmax[at] % 2, weights, f, rows,
                                  columns, l, sums);
        }
    for (size_t i = 0; i < inputs; i++)
        dx[i] = oracle_result(&sums[i], derivative ? &derivative[i] : NULL, integers);
}

/* ---- Activations ---- */

double oracle_sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static float scalar_of(cvy_sigmoid_f32_fn *function, float x) {
    float y;
    function(1, &x, &y);
    return y;
}

/* The contract's formulas in floats, on the project's own sigmoid and tanh. */
static void activate(cvy_activation_kind activation, float z, float *y, float *derivative) {
    const bool sigmoid = activation == CVY_ACT_SILU || activation == CVY_ACT_SIGMOID;
    float s = sigmoid ? scalar_of(cvy_sigmoid_f32_scalar, z) : 0.0f;
    switch (activation) {
    case CVY_ACT_LINEAR:
        *y = z;
        *derivative = 1.0f;
        break;
    case CVY_ACT_RELU:
        *y = 0.0f > z ? 0.0f : z;
        *derivative = z > 0.0f ? 1.0f : 0.0f;
        break;
    case CVY_ACT_SILU:
        s = z < CVY_SILU_ZERO ? 0.0f : s;
        *y = z * s;
        *derivative = oracle_fma(*y, 1.0f - s, s);
        break;
    case CVY_ACT_SIGMOID:
        *y = s;
        *derivative = s * (1.0f - s);
        break;
    case CVY_ACT_TANH:
        *y = scalar_of(cvy_tanh_f32_scalar, z);
        *derivative = oracle_fma(-*y, *y, 1.0f);
        break;
    }
}

/* An activation, its derivative, how steep each of them can be at most (so that an error of the input carries over),
 * and what the evaluation itself may add.
 *
 * sigmoid and tanh are within 2 ULP, which is 4 u of the value. The rest follows the contract's formulas: a rounding
 * each for z * s, 1 - s and the last operation, and the errors of s and v passed on: silu   v: 4 u |v| + u |v|;  v': (1
 * - s)'s error 4 u s + u times |v|, v's error 5 u |v| times (1 - s), s's 4 u s, u |v'| sigmoid s': (4 u s + u) s + (1 -
 * s) 4 u s + u s' tanh   t': 2 |t| 4 u |t| + u t' Greatest slopes: silu' < 1.1, |silu''| <= 1/2, sigmoid' <= 1/4,
 * |sigmoid''| <= 1 / (6 sqrt 3), tanh' <= 1, |tanh''| <= 4 / (3 sqrt 3). */
typedef struct curve {
    double value, error, slope;
    double derivative, derivative_error, derivative_slope;
} curve;

static curve curve_at(cvy_activation_kind activation, double z) {
    const double s = oracle_sigmoid(z), minus = oracle_sigmoid(-z), v = z * s, t = tanh(z);
    switch (activation) {
    case CVY_ACT_RELU:
        return (curve){z > 0 ? z : 0, 0, 1, z > 0, 0, 0};
    case CVY_ACT_SILU: {
        const double d = s + v * minus;
        if (z <= CVY_SILU_ZERO * (1 - U)) /* may count as zero */
            return (curve){v, fabs(v), 1.1, d, fabs(d), 0.5};
        return (curve){v,  5 * U * fabs(v), 1.1, d, U * (fabs(v) * (4 * s + 1) + 5 * fabs(v) * minus + 4 * s + fabs(d)),
                       0.5};
    }
    case CVY_ACT_SIGMOID:
        return (curve){s, 4 * U * s, 0.25, s * minus, U * (s * (4 * s + 1) + 4 * s * minus + s * minus), 0.0963};
    case CVY_ACT_TANH:
        return (curve){t, 4 * U * fabs(t), 1, (1 - t) * (1 + t), U * (8 * t * t + (1 - t) * (1 + t)), 0.77};
    case CVY_ACT_LINEAR:
    default:
        return (curve){z, 0, 1, 1, 0, 0};
    }
}

void oracle_activation(cvy_activation_kind activation, oracle_value z, oracle_value *y, oracle_value *derivative) {
    const curve at = curve_at(activation, z.value);
    activate(activation, z.exact, &y->exact, &derivative->exact);
    /* Errors of second order and underflow; an exact function of an exact input has none. */
    const double slack = at.error > 0 ? 0x1p-140 : 0;
    y->value = at.value;
    y->bound = 1.001 * (at.error + at.slope * z.bound) + slack;
    derivative->value = at.derivative;
    derivative->bound = 1.001 * (at.derivative_error + at.derivative_slope * z.bound) + slack;
    if (activation == CVY_ACT_RELU && fabs(z.value) <= z.bound)
        derivative->bound = 1; /* either side of the step */
}

const char *oracle_activation_name(cvy_activation_kind activation) {
    static const char *const names[] = {"linear", "relu", "silu", "sigmoid", "tanh"};
    return names[activation];
}

/* ---- Convolution, activation and max-pool ---- */

static float larger(float a, float b) {
    return a > b ? a : b;
}

static float smaller(float a, float b) {
    return a < b ? a : b;
}

/* Which z the contract's rule chooses of four. */
static float chosen_z(cvy_activation_kind activation, const float z[4]) {
    const float low = -1.2784645f;
    const float a = larger(larger(z[0], z[1]), larger(z[2], z[3]));
    const float b = smaller(smaller(z[0], z[1]), smaller(z[2], z[3]));
    if (activation != CVY_ACT_SILU)
        return a;
    if (a < low)
        return b;
    if (low <= a && a < -0x1p-100f && b < low) {
        float at_a, at_b, derivative;
        activate(activation, a, &at_a, &derivative);
        activate(activation, b, &at_b, &derivative);
        return at_b > at_a || b == -INFINITY ? b : a;
    }
    return a;
}

static int argmax_of(const float z[4], float chosen) {
    for (int i = 0; i < 3; i++)
        if (z[i] == chosen)
            return i;
    return 3;
}

/* One window. True value of y: the largest activation of the four, an error in each moving it by no more than the
 * largest. */
static bool pool_window(cvy_activation_kind activation, const oracle_value z[4], oracle_value *y,
                        oracle_value *derivative, int32_t *argmax) {
    const float floats[4] = {z[0].exact, z[1].exact, z[2].exact, z[3].exact};
    *argmax = argmax_of(floats, chosen_z(activation, floats));
    oracle_value largest = {.value = -INFINITY, .bound = 0}, ignored;
    for (int i = 0; i < 4; i++) {
        oracle_value v;
        oracle_activation(activation, z[i], &v, &ignored);
        largest.bound = fmax(largest.bound, v.bound);
        largest.value = fmax(largest.value, v.value);
    }
    oracle_activation(activation, z[*argmax], y, derivative);
    const bool true_argmax = y->value >= largest.value - 2 * largest.bound;
    activate(activation, chosen_z(activation, floats), &y->exact, &derivative->exact);
    y->value = largest.value;
    y->bound = largest.bound;
    return true_argmax;
}

bool oracle_maxpool2x2(const cvy_conv2d_shape *s, cvy_activation_kind activation, const oracle_value *z,
                       oracle_value *y, oracle_value *derivative, int32_t *argmax) {
    bool true_argmax = true;
    size_t at = 0;
    for (int32_t py = 0; py < s->output_height / 2; py++)
        for (int32_t px = 0; px < s->output_width / 2; px++)
            for (int32_t f = 0; f < s->filters; f++)
                for (size_t l = 0; l < CVY_LANES; l++, at++) {
                    oracle_value window[4];
                    for (int i = 0; i < 4; i++)
                        window[i] = z[block_at(s->output_width, s->filters, 2 * py + i / 2, 2 * px + i % 2, f) + l];
                    true_argmax &= pool_window(activation, window, &y[at], &derivative[at], &argmax[at]);
                }
    return true_argmax;
}

/* ---- Pooling ---- */

/* The part of a window that lies in the image: [y0, y1) x [x0, x1). */
typedef struct window {
    int32_t y0, y1, x0, x1;
} window;

static window window_at(const cvy_pool_shape *s, int32_t oy, int32_t ox) {
    const int32_t y = oy * s->stride_y - s->pad_top, x = ox * s->stride_x - s->pad_left;
    window w = {y, y + s->window_height, x, x + s->window_width};
    w.y0 = w.y0 < 0 ? 0 : w.y0;
    w.x0 = w.x0 < 0 ? 0 : w.x0;
    w.y1 = w.y1 > s->height ? s->height : w.y1;
    w.x1 = w.x1 > s->width ? s->width : w.x1;
    return w;
}

static int32_t elements(window w) {
    return (w.y1 - w.y0) * (w.x1 - w.x0);
}

static bool is_power_of_two(int32_t n) {
    return (n & (n - 1)) == 0;
}

static size_t pool_outputs(const cvy_pool_shape *s) {
    return block_at(s->output_width, s->channels, s->output_height, 0, 0);
}

/* The window of the output element at a flat index, and where in the input its element at (y, x) stands. */
static window window_of(const cvy_pool_shape *s, size_t at) {
    const size_t position = at / CVY_LANES / (size_t)s->channels, width = (size_t)s->output_width;
    return window_at(s, (int32_t)(position / width), (int32_t)(position % width));
}

static size_t input_at(const cvy_pool_shape *s, size_t at, int32_t y, int32_t x) {
    return block_at(s->width, s->channels, y, x, 0) + at % ((size_t)s->channels * CVY_LANES);
}

void oracle_maxpool_forward(const cvy_pool_shape *s, const float *x, float *y, int32_t *argmax) {
    for (size_t at = 0; at < pool_outputs(s); at++) {
        const window w = window_of(s, at);
        y[at] = x[input_at(s, at, w.y0, w.x0)];
        argmax[at] = w.y0 * s->width + w.x0;
        for (int32_t iy = w.y0; iy < w.y1; iy++)
            for (int32_t ix = w.x0; ix < w.x1; ix++)
                if (x[input_at(s, at, iy, ix)] > y[at]) {
                    y[at] = x[input_at(s, at, iy, ix)];
                    argmax[at] = iy * s->width + ix;
                }
    }
}

static void start_sums(const cvy_pool_shape *s, oracle_sum *sums) {
    for (size_t i = 0; i < block_at(s->width, s->channels, s->height, 0, 0); i++)
        sums[i] = sum_from(0.0f);
}

static void finish_sums(const cvy_pool_shape *s, const oracle_sum *sums, const float *derivative, bool integers,
                        oracle_value *dx) {
    for (size_t i = 0; i < block_at(s->width, s->channels, s->height, 0, 0); i++)
        dx[i] = oracle_result(&sums[i], derivative ? &derivative[i] : NULL, integers);
}

void oracle_maxpool_backward(const cvy_pool_shape *s, const float *dy, const int32_t *argmax, const float *derivative,
                             bool integers, oracle_sum *sums, oracle_value *dx) {
    start_sums(s, sums);
    for (size_t at = 0; at < pool_outputs(s); at++)
        oracle_add(&sums[input_at(s, at, argmax[at] / s->width, argmax[at] % s->width)], dy[at], 1.0f);
    finish_sums(s, sums, derivative, integers, dx);
}

/* A share is two roundings, of 1 / elements and of the product; then comes the addition. */
void oracle_avgpool_backward(const cvy_pool_shape *s, const float *dy, const float *derivative, bool integers,
                             oracle_sum *sums, oracle_value *dx) {
    start_sums(s, sums);
    for (size_t at = 0; at < pool_outputs(s); at++) {
        const window w = window_of(s, at);
        const float share = dy[at] * (1.0f / (float)elements(w));
        integers &= is_power_of_two(elements(w));
        for (int32_t iy = w.y0; iy < w.y1; iy++)
            for (int32_t ix = w.x0; ix < w.x1; ix++) {
                oracle_sum *sum = &sums[input_at(s, at, iy, ix)];
                sum->value += (double)dy[at] / elements(w);
                sum->magnitude += fabs((double)dy[at]) / elements(w);
                sum->chain += share;
                sum->length += 2;
            }
    }
    finish_sums(s, sums, derivative, integers, dx);
}

void oracle_avgpool_forward(const cvy_pool_shape *s, const float *x, bool integers, oracle_value *y) {
    for (size_t at = 0; at < pool_outputs(s); at++) {
        const window w = window_of(s, at);
        oracle_sum sum = sum_from(0.0f);
        for (int32_t iy = w.y0; iy < w.y1; iy++)
            for (int32_t ix = w.x0; ix < w.x1; ix++)
                oracle_add(&sum, x[input_at(s, at, iy, ix)], 1.0f);
        const float factor = 1.0f / (float)elements(w);
        y[at] = oracle_result(&sum, &factor, integers && is_power_of_two(elements(w)));
        y[at].value = sum.value / elements(w);
    }
}

/* ---- Dense ---- */

void oracle_dense_forward(const cvy_dense_shape *s, const float *x, const float *weights, const float *bias,
                          bool integers, oracle_value *y) {
    for (int32_t u = 0; u < s->units; u++)
        for (int32_t l = 0; l < CVY_LANES; l++) {
            oracle_sum sum = sum_from(bias ? bias[u] : 0.0f);
            for (int32_t i = 0; i < s->inputs; i++)
                oracle_add(&sum, x[i * CVY_LANES + l], weights[i * s->units + u]);
            y[u * CVY_LANES + l] = oracle_result(&sum, NULL, integers);
        }
}

void oracle_dense_backward_data(const cvy_dense_shape *s, const float *dy, const float *weights,
                                const float *derivative, bool integers, oracle_value *dx) {
    for (int32_t i = 0; i < s->inputs; i++)
        for (int32_t l = 0; l < CVY_LANES; l++) {
            oracle_sum sum = sum_from(0.0f);
            for (int32_t u = 0; u < s->units; u++)
                oracle_add(&sum, dy[u * CVY_LANES + l], weights[i * s->units + u]);
            dx[i * CVY_LANES + l] = oracle_result(&sum, derivative ? &derivative[i * CVY_LANES + l] : NULL, integers);
        }
}

void oracle_dense_backward_weights(const cvy_dense_shape *s, const float *x, const float *dy, bool integers,
                                   oracle_value *dweights, oracle_value *dbias) {
    for (int32_t u = 0; u < s->units; u++) {
        oracle_sum bias = sum_from(0.0f);
        for (int32_t l = 0; l < CVY_LANES; l++)
            oracle_add(&bias, dy[u * CVY_LANES + l], 1.0f);
        dbias[u] = oracle_result(&bias, NULL, integers);
        for (int32_t i = 0; i < s->inputs; i++) {
            oracle_sum sum = sum_from(0.0f);
            for (int32_t l = 0; l < CVY_LANES; l++)
                oracle_add(&sum, x[i * CVY_LANES + l], dy[u * CVY_LANES + l]);
            dweights[i * s->units + u] = oracle_result(&sum, NULL, integers);
        }
    }
}

/* ---- Softmax ---- */

typedef struct softmax_sum {
    float m, s;       /* maximum and sum, by the contract's order */
    double true_sum;  /* of exp(z - m) */
    double sum_error; /* relative, of s */
    int32_t first;    /* the first channel that holds m */
} softmax_sum;

/* Relative error of e_c: z - m is rounded, which exp turns into |z - m| u; exp itself is within 2 ULP, 4 u. Below the
 * smallest normal float an ULP does not shrink further: `floor` (absolute) covers it. */
static double exp_error(double difference) {
    return (fabs(difference) + 4) * U;
}

static const double exp_floor = 2 * 0x1p-149;

static softmax_sum sum_of_exps(int32_t channels, const float *x) {
    softmax_sum r = {.m = x[0]};
    for (int32_t c = 1; c < channels; c++)
        if (x[c * CVY_LANES] > r.m) {
            r.m = x[c * CVY_LANES];
            r.first = c;
        }
    double error = 0;
    for (int32_t c = 0; c < channels; c++) {
        const double difference = (double)x[c * CVY_LANES] - r.m;
        r.s += scalar_of(cvy_exp_f32_scalar, x[c * CVY_LANES] - r.m);
        r.true_sum += exp(difference);
        error += exp(difference) * exp_error(difference) + exp_floor;
    }
    /* All terms are positive: channels - 1 additions add that many roundings. */
    r.sum_error = 1.001 * (error / r.true_sum + channels * U);
    return r;
}

/* y_c = e_c * r, r = 1 / s: two roundings more. */
static oracle_value probability(const softmax_sum *sum, float z) {
    const double difference = (double)z - sum->m, value = exp(difference) / sum->true_sum;
    const float r = 1.0f / sum->s;
    return (oracle_value){.value = value,
                          .bound = 1.001 * value * (exp_error(difference) + sum->sum_error + 2 * U) + 4 * 0x1p-149,
                          .exact = scalar_of(cvy_exp_f32_scalar, z - sum->m) * r};
}

void oracle_softmax(int32_t channels, const float *x, oracle_value *y) {
    const softmax_sum sum = sum_of_exps(channels, x);
    for (int32_t c = 0; c < channels; c++)
        y[c * CVY_LANES] = probability(&sum, x[c * CVY_LANES]);
}

/* dx_c = y_c (dy_c - t): t within its sum's bound, then a subtraction, a product and perhaps another. */
void oracle_softmax_backward(int32_t channels, const float *y, const float *dy, const float *derivative, bool integers,
                             oracle_value *dx) {
    oracle_sum t = sum_from(0.0f);
    for (int32_t c = 0; c < channels; c++)
        oracle_add(&t, dy[c * CVY_LANES], y[c * CVY_LANES]);
    const double t_bound = sum_bound(t.magnitude, t.length);
    for (int32_t c = 0; c < channels; c++) {
        const float p = y[c * CVY_LANES], g = dy[c * CVY_LANES], d = derivative ? derivative[c * CVY_LANES] : 1.0f;
        const float exact = p * (g - t.chain);
        dx[c * CVY_LANES] = (oracle_value){
            .value = p * (g - t.value) * d,
            .bound = integers ? 0
                              : 1.001 * fabs((double)p * d) * (t_bound + 3 * U * (fabs((double)g) + fabs(t.value))) +
                                    0x1p-140,
            .exact = derivative ? exact * d : exact};
    }
}

/* loss = log(s) + (m - z_label): log within 2 ULP of its argument's, whose relative error adds as it is; m - z_label
 * and the sum are rounded. dx_c = (p_c - [c is the label]) * scale: p's bound, a subtraction and a product. */
/* The targets of a label and of the other channels, as floats hold them. */
typedef struct targets {
    double value[2];
    float exact[2];
} targets;

static targets smooth(int32_t channels, float smoothing) {
    const double off = (double)smoothing / channels;
    targets t = {.value = {off, 1 - (double)smoothing + off}};
    t.exact[0] = smoothing / (float)channels;
    t.exact[1] = (1.0f - smoothing) + t.exact[0];
    return t;
}

void oracle_cross_entropy(int32_t channels, int32_t label, float smoothing, float scale, const float *x,
                          oracle_value *loss, int32_t *predicted, oracle_value *dx) {
    const softmax_sum sum = sum_of_exps(channels, x);
    const targets target = smooth(channels, smoothing);
    double distance = 0;
    float distance_exact = 0.0f;
    for (int32_t c = 0; c < channels; c++) {
        distance += target.value[c == label] * ((double)sum.m - x[c * CVY_LANES]);
        distance_exact = oracle_fma(target.exact[c == label], sum.m - x[c * CVY_LANES], distance_exact);
    }
    if (smoothing == 0) {
        distance = (double)sum.m - x[label * CVY_LANES];
        distance_exact = sum.m - x[label * CVY_LANES];
    }
    const double logarithm = log(sum.true_sum);
    *predicted = sum.first;
    loss->value = logarithm + distance;
    /* A target has three roundings, a difference one, and the chain one a term. */
    loss->bound = 1.001 * (sum.sum_error + 4 * U * fabs(logarithm) + (smoothing > 0 ? channels + 5 : 1) * U * distance +
                           U * fabs(loss->value)) +
                  0x1p-149;
    loss->exact = scalar_of(cvy_log_f32_scalar, sum.s) + distance_exact;
    for (int32_t c = 0; c < channels; c++) {
        const oracle_value p = probability(&sum, x[c * CVY_LANES]);
        const double wanted = target.value[c == label];
        const double error = p.bound + 2 * U * fabs(p.value - wanted) + (smoothing > 0 ? 3 * U * wanted : 0);
        dx[c * CVY_LANES] = (oracle_value){.value = (p.value - wanted) * scale,
                                           .bound = 1.001 * fabs((double)scale) * error + 0x1p-140,
                                           .exact = (p.exact - target.exact[c == label]) * scale};
    }
}
