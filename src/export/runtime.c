/* The functions of a network that is exported as C. This text is compiled into Convoy; c_source.c copies into each file
 * the parts that its network needs. A part begins with a line of its name and, behind a colon, the parts that it calls,
 * which stand above it. Images are NHWC; kernels are (output, inputs), so that a sum runs along its weights. */
#include <stdint.h>

/* ---- exp_f32 ---- */
/* exp(x) within 2 units of the last place, and 0 below the least normal number: exp(r) * 2^n, |r| <= ln(2) / 2. */
static float exp_f32(float x) {
    union {
        int32_t bits;
        float value;
    } power;
    if (x != x)
        return x;
    if (x < -87.0f)
        return 0.0f;
    if (x > 88.0f)
        x = 88.0f;
    const int n = (int)(x * 1.44269502f + (x < 0.0f ? -0.5f : 0.5f));
    const float r = x - (float)n * 0.693145752f - (float)n * 1.42860677e-6f;
    const float q = 0.499999940f + r * (0.166665211f + r * (0.0416683890f + r * (0.00836871751f + r * 0.00138146116f)));
    power.bits = (int32_t)(n + 127) << 23;
    return (1.0f + (r + r * r * q)) * power.value;
}

/* ---- sigmoid: exp_f32 ---- */
static float sigmoid(float x) {
    return 1.0f / (1.0f + exp_f32(-x));
}

/* ---- silu: sigmoid ---- */
static float silu(float x) {
    return x * sigmoid(x);
}

/* ---- tanh_f32: exp_f32 ---- */
/* tanh(x). Near 0 the quotient would lose digits, so there it is the series. */
static float tanh_f32(float x) {
    const float x2 = x * x;
    if (x2 < 0.04f)
        return x + x * x2 * (-0.333333333f + x2 * (0.133333333f + x2 * (-0.0539682540f + x2 * 0.0218694885f)));
    return 1.0f - 2.0f / (1.0f + exp_f32(2.0f * x));
}

/* ---- relu ---- */
static float relu(float x) {
    return 0.0f > x ? 0.0f : x;
}

/* ---- linear ---- */
static float linear(float x) {
    return x;
}

/* ---- multiply_add ---- */
/* a * b + c with one rounding, as in training: by the processor's instruction, else in double, which comes to the same
 * but in rare ties. A processor without floating-point instructions is about twice as fast with two roundings:
 * -D'MULTIPLY_ADD(a,b,c)=((a)*(b)+(c))'. */
#ifndef MULTIPLY_ADD
#if defined(__GNUC__) && (defined(__FP_FAST_FMAF) || defined(__ARM_FEATURE_FMA) || defined(__FMA__))
#define MULTIPLY_ADD(a, b, c) __builtin_fmaf(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) (float)((double)(a) * (double)(b) + (double)(c))
#endif
#endif

/* ---- dot: multiply_add ---- */
static float dot(int count, const float *x, const float *weights, float sum) {
    for (int i = 0; i < count; i++)
        sum = MULTIPLY_ADD(x[i], weights[i], sum);
    return sum;
}

/* ---- window ---- */
/* A window that slides over an image; what lies above and left of the image are `top` rows and `left` columns. */
struct window {
    int height, width, channels, window_height, window_width, stride_y, stride_x, top, left, output_height,
        output_width;
};

/* The part of a window at `start` that lies within the image: from *first to the end that is returned. */
static int clip(int start, int length, int extent, int *first) {
    *first = start < 0 ? 0 : start;
    return start + length < extent ? start + length : extent;
}

/* ---- conv2d: window dot ---- */
/* A convolution, its activation, and max-pooling over pool x pool outputs that lie side by side. */
struct conv2d {
    struct window window;
    int filters, pool;
    const float *kernel, *bias;
    float (*activation)(float);
};

static float conv2d_at(const struct conv2d *c, const float *x, int output_y, int output_x, int filter) {
    const struct window *w = &c->window;
    const int start_y = output_y * w->stride_y - w->top, start_x = output_x * w->stride_x - w->left;
    int y, first;
    const int end_y = clip(start_y, w->window_height, w->height, &y);
    const int columns = clip(start_x, w->window_width, w->width, &first) - first;
    float sum = c->bias ? c->bias[filter] : 0.0f;
    for (; y < end_y; y++) {
        const int tap = (filter * w->window_height + y - start_y) * w->window_width + first - start_x;
        sum = dot(columns * w->channels, x + (y * w->width + first) * w->channels, c->kernel + tap * w->channels, sum);
    }
    return c->activation(sum);
}

static void conv2d(const struct conv2d *c, const float *x, float *y) {
    for (int i = 0; i < c->window.output_height / c->pool; i++)
        for (int j = 0; j < c->window.output_width / c->pool; j++)
            for (int f = 0; f < c->filters; f++, y++)
                for (int k = 0; k < c->pool * c->pool; k++) {
                    const float value = conv2d_at(c, x, i * c->pool + k / c->pool, j * c->pool + k % c->pool, f);
                    if (k == 0 || value > *y)
                        *y = value;
                }
}

/* ---- max_pooling2d: window ---- */
static void max_pooling2d(const struct window *w, const float *x, float *y) {
    for (int i = 0; i < w->output_height; i++)
        for (int j = 0; j < w->output_width; j++)
            for (int c = 0; c < w->channels; c++, y++) {
                int top, left;
                const int bottom = clip(i * w->stride_y - w->top, w->window_height, w->height, &top);
                const int right = clip(j * w->stride_x - w->left, w->window_width, w->width, &left);
                *y = x[(top * w->width + left) * w->channels + c];
                for (int v = top; v < bottom; v++)
                    for (int h = left; h < right; h++) {
                        const float value = x[(v * w->width + h) * w->channels + c];
                        if (value > *y)
                            *y = value;
                    }
            }
}

/* ---- average_pooling2d: window ---- */
/* The mean of what lies within the image. */
static void average_pooling2d(const struct window *w, const float *x, float *y) {
    for (int i = 0; i < w->output_height; i++)
        for (int j = 0; j < w->output_width; j++)
            for (int c = 0; c < w->channels; c++, y++) {
                int top, left;
                const int bottom = clip(i * w->stride_y - w->top, w->window_height, w->height, &top);
                const int right = clip(j * w->stride_x - w->left, w->window_width, w->width, &left);
                float sum = 0.0f;
                for (int v = top; v < bottom; v++)
                    for (int h = left; h < right; h++)
                        sum += x[(v * w->width + h) * w->channels + c];
                *y = sum * (1.0f / (float)((bottom - top) * (right - left)));
            }
}

/* ---- dense: dot ---- */
struct dense {
    int inputs, units;
    const float *kernel, *bias;
    float (*activation)(float);
};

static void dense(const struct dense *d, const float *x, float *y) {
    for (int i = 0; i < d->units; i++)
        y[i] = d->activation(dot(d->inputs, x, d->kernel + i * d->inputs, d->bias ? d->bias[i] : 0.0f));
}

/* ---- rescaling: multiply_add ---- */
struct rescaling {
    int count;
    float scale, offset;
};

static void rescaling(const struct rescaling *r, const float *x, float *y) {
    for (int i = 0; i < r->count; i++)
        y[i] = MULTIPLY_ADD(x[i], r->scale, r->offset);
}

/* ---- activation ---- */
struct activation {
    int count;
    float (*function)(float);
};

static void activation(const struct activation *a, const float *x, float *y) {
    for (int i = 0; i < a->count; i++)
        y[i] = a->function(x[i]);
}

/* ---- softmax: exp_f32 ---- */
struct softmax {
    int positions, channels;
};

static void softmax(const struct softmax *s, const float *x, float *y) {
    for (int i = 0; i < s->positions; i++, x += s->channels, y += s->channels) {
        float most = x[0], sum = 0.0f;
        for (int c = 1; c < s->channels; c++)
            if (x[c] > most)
                most = x[c];
        for (int c = 0; c < s->channels; c++)
            sum += y[c] = exp_f32(x[c] - most);
        for (int c = 0; c < s->channels; c++)
            y[c] *= 1.0f / sum;
    }
}

/* ---- sampling: multiply_add ---- */
/* The middle of an image, cropped and rescaled. Rows are sheared by `slope` columns a row around the row `centre`. */
struct sampling {
    int height, width, channels, cropped_height, cropped_width;
    float scale, offset;
};

static float pixel(const struct sampling *s, const float *x, int row, int column, int channel) {
    return column >= 0 && column < s->width ? x[(row * s->width + column) * s->channels + channel] : 0.0f;
}

static void sample(const struct sampling *s, double slope, double centre, const float *x, float *y) {
    const int top = (s->height - s->cropped_height) / 2, left = (s->width - s->cropped_width) / 2;
    for (int i = top; i < top + s->cropped_height; i++) {
        /* Conversion to int rounds towards zero, so the shift is made positive first: it is less than the height. */
        const double shift = slope * (i - centre) + s->height + 1;
        const int whole = (int)shift - s->height - 1;
        const float fraction = (float)(shift - (int)shift);
        for (int j = left; j < left + s->cropped_width; j++)
            for (int c = 0; c < s->channels; c++) {
                const float value = pixel(s, x, i, j + whole, c), next = pixel(s, x, i, j + whole + 1, c);
                *y++ = MULTIPLY_ADD(MULTIPLY_ADD(next - value, fraction, value), s->scale, s->offset);
            }
    }
}

/* ---- center_crop: sampling ---- */
static void center_crop(const struct sampling *s, const float *x, float *y) {
    sample(s, 0.0, 0.0, x, y);
}

/* ---- deskew: sampling ---- */
/* Shears the image upright: the slope is that of the regression of columns on rows, where a pixel's value is its
 * weight (LeCun et al., "Gradient-based learning applied to document recognition", 1998). It is at most 1. An image
 * that is empty or less than a row high is not sheared. */
static void deskew(const struct sampling *s, const float *x, float *y) {
    double mass = 0.0, x_sum = 0.0, y_sum = 0.0, xy_sum = 0.0, yy_sum = 0.0, centre = 0.0, slope = 0.0;
    for (int i = 0; i < s->height; i++) {
        float row_mass = 0.0f, row_sum = 0.0f;
        for (int j = 0; j < s->width; j++)
            for (int c = 0; c < s->channels; c++) {
                const float ink = x[(i * s->width + j) * s->channels + c];
                row_mass += ink;
                row_sum += ink * (float)j;
            }
        mass += (double)row_mass;
        x_sum += (double)row_sum;
        y_sum += (double)row_mass * i;
        xy_sum += (double)row_sum * i;
        yy_sum += (double)row_mass * i * i;
    }
    if (mass > 0.0) {
        const double x_mean = x_sum / mass, y_mean = y_sum / mass, variance = yy_sum / mass - y_mean * y_mean;
        if (variance >= 0.25 && y_mean >= 0.0 && y_mean <= s->height) {
            centre = y_mean;
            slope = (xy_sum / mass - x_mean * y_mean) / variance;
            slope = slope > -1.0 ? (slope < 1.0 ? slope : 1.0) : -1.0;
        }
    }
    sample(s, slope, centre, x, y);
}
