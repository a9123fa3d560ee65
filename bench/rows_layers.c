/* Pooling, dense layers and softmax. */
#include "rows.h"
#include "scratch.h"

/* A named case for a block of images, and the same for a single one. */
static void count_name(size_t index, const char *layer, char name[static BENCH_NAME_MAX]) {
    snprintf(name, BENCH_NAME_MAX, "%.60s, %s", layer, index % 2 ? "1 image" : "16 images");
}

static int32_t count_of(size_t index) {
    return index % 2 ? 1 : CVY_LANES;
}

/* ---- Pooling ---------------------------------------------------------------------------------------------------- */

typedef struct pool {
    cvy_pool_shape shape;
    cvy_image_shape image; /* of the input, without gaps */
    int32_t count;
    size_t inputs, outputs;
    float *x, *y, *dy, *dx, *derivative;
    int32_t *argmax;
} pool;

static bool pool_name(size_t index, char name[static BENCH_NAME_MAX]) {
    pool_case c;
    if (!pool_case_at(CASES_NAMED, index, &c))
        return false;
    snprintf(name, BENCH_NAME_MAX, "%s", c.name);
    return true;
}

static bool pool_count_name(size_t index, char name[static BENCH_NAME_MAX]) {
    pool_case c;
    if (!pool_case_at(CASES_NAMED, index / 2, &c))
        return false;
    count_name(index, c.name, name);
    return true;
}

/* `channels` are those that the layout holds. */
static pool *make_pool_of(bench_memory *memory, size_t index, int32_t count, bool padded) {
    pool_case c;
    pool_case_at(CASES_NAMED, index, &c);
    const cvy_pool_shape *s = &c.shape;
    size_t channels = padded ? cvy_round_to_lanes((size_t)s->channels) : (size_t)s->channels, images = (size_t)count;
    pool *d = bench_take(memory, sizeof *d);
    *d = (pool){.shape = *s,
                .image = {s->height, s->width, s->channels, s->width * s->channels, s->height * s->width * s->channels},
                .count = count,
                .inputs = images * channels * (size_t)(s->height * s->width),
                .outputs = images * channels * (size_t)(s->output_height * s->output_width)};
    d->x = bench_floats(memory, d->inputs, -1, 1);
    d->y = bench_take(memory, d->outputs * sizeof(float));
    d->argmax = bench_take(memory, d->outputs * sizeof(int32_t));
    d->dy = bench_floats(memory, d->outputs, -1, 1);
    d->derivative = bench_floats(memory, d->inputs, 0, 1);
    d->dx = bench_take(memory, d->inputs * sizeof(float));
    return d;
}

/* Comparisons and additions are no multiply-adds: pools are measured in bytes. */
static void *make_pool(bench_memory *memory, const cvy_kernels *kernels, size_t index, double *flop) {
    pool *d = make_pool_of(memory, index, CVY_LANES, false);
    kernels->maxpool_forward_hwc16n(&d->shape, d->x, d->y, d->argmax);
    *flop = 0;
    return d;
}

static void *make_pool_nhwc(bench_memory *memory, const cvy_kernels *kernels, size_t index, double *flop) {
    pool *d = make_pool_of(memory, index / 2, count_of(index), false);
    kernels->maxpool_forward_nhwc(&d->shape, d->count, d->x, d->y, d->argmax);
    *flop = 0;
    return d;
}

static void *make_pool_nchw16c(bench_memory *memory, const cvy_kernels *kernels, size_t index, double *flop) {
    pool *d = make_pool_of(memory, index / 2, count_of(index), true);
    kernels->maxpool_forward_nchw16c(&d->shape, d->count, d->x, d->y, d->argmax);
    *flop = 0;
    return d;
}

typedef pool pool_nhwc;
typedef pool pool_nchw16c;

static const bench_family pool_family = {pool_name, make_pool};
static const bench_family pool_nhwc_family = {pool_count_name, make_pool_nhwc};
static const bench_family pool_nchw16c_family = {pool_count_name, make_pool_nchw16c};

BENCH_ROW(maxpool_forward_hwc16n, pool, d->inputs + 2 * d->outputs, &d->shape, d->x, d->y, d->argmax)
BENCH_ROW(maxpool_backward_hwc16n, pool, 2 * d->outputs + 2 * d->inputs, &d->shape, d->dy, d->argmax, d->derivative,
          d->dx)
BENCH_ROW(avgpool_forward_hwc16n, pool, d->inputs + d->outputs, &d->shape, d->x, d->y)
BENCH_ROW(avgpool_backward_hwc16n, pool, d->outputs + 2 * d->inputs, &d->shape, d->dy, d->derivative, d->dx)
BENCH_ROW(activation_maxpool2x2_forward_nhwc, pool_nhwc, d->inputs + d->inputs / 4, &d->image, CVY_ACT_SILU, d->count,
          d->x, d->dx)
BENCH_ROW(maxpool_forward_nhwc, pool_nhwc, d->inputs + 2 * d->outputs, &d->shape, d->count, d->x, d->y, d->argmax)
BENCH_ROW(maxpool_backward_nhwc, pool_nhwc, 2 * d->outputs + 2 * d->inputs, &d->shape, d->count, d->dy, d->argmax,
          d->derivative, d->dx)
BENCH_ROW(avgpool_forward_nhwc, pool_nhwc, d->inputs + d->outputs, &d->shape, d->count, d->x, d->y)
BENCH_ROW(avgpool_backward_nhwc, pool_nhwc, d->outputs + 2 * d->inputs, &d->shape, d->count, d->dy, d->derivative,
          d->dx)
BENCH_ROW(maxpool_forward_nchw16c, pool_nchw16c, d->inputs + 2 * d->outputs, &d->shape, d->count, d->x, d->y, d->argmax)
BENCH_ROW(maxpool_backward_nchw16c, pool_nchw16c, 2 * d->outputs + 2 * d->inputs, &d->shape, d->count, d->dy, d->argmax,
          d->derivative, d->dx)
BENCH_ROW(avgpool_forward_nchw16c, pool_nchw16c, d->inputs + d->outputs, &d->shape, d->count, d->x, d->y)
BENCH_ROW(avgpool_backward_nchw16c, pool_nchw16c, d->outputs + 2 * d->inputs, &d->shape, d->count, d->dy, d->derivative,
          d->dx)

/* ---- Dense ------------------------------------------------------------------------------------------------------ */

typedef struct dense {
    cvy_dense_shape shape;
    int32_t count;
    size_t inputs, units, weights_count;
    float *x, *y, *dx, *dy, *derivative, *weights, *bias, *dweights, *dbias, *scratch;
} dense;

static bool dense_name(size_t index, char name[static BENCH_NAME_MAX]) {
    dense_case c;
    if (!dense_case_at(CASES_NAMED, index, &c))
        return false;
    snprintf(name, BENCH_NAME_MAX, "%s", c.name);
    return true;
}

static bool dense_count_name(size_t index, char name[static BENCH_NAME_MAX]) {
    dense_case c;
    if (!dense_case_at(CASES_NAMED, index / 2, &c))
        return false;
    count_name(index, c.name, name);
    return true;
}

static dense *make_dense_of(bench_memory *memory, size_t index, int32_t count, double *flop) {
    dense_case c;
    dense_case_at(CASES_NAMED, index, &c);
    size_t inputs = (size_t)c.shape.inputs, units = (size_t)c.shape.units, images = (size_t)count;
    dense *d = bench_take(memory, sizeof *d);
    *d = (dense){.shape = c.shape,
                 .count = count,
                 .inputs = inputs * images,
                 .units = units * images,
                 .weights_count = inputs * units};
    d->x = bench_floats(memory, d->inputs, 0, 1);
    d->y = bench_take(memory, d->units * sizeof(float));
    d->dy = bench_floats(memory, d->units, -1, 1);
    d->dx = bench_take(memory, d->inputs * sizeof(float));
    d->derivative = bench_floats(memory, d->inputs, 0, 1);
    d->weights = bench_floats(memory, d->weights_count, -0.1f, 0.1f);
    d->bias = bench_floats(memory, units, -0.1f, 0.1f);
    d->dweights = bench_take(memory, d->weights_count * sizeof(float));
    d->dbias = bench_take(memory, units * sizeof(float));
    d->scratch = bench_take(memory, cvy_round_to_lanes(units) * CVY_LANES * sizeof(float));
    *flop = 2.0 * (double)d->weights_count * count;
    return d;
}

static void *make_dense(bench_memory *memory, const cvy_kernels *kernels, size_t index, double *flop) {
    (void)kernels;
    return make_dense_of(memory, index, CVY_LANES, flop);
}

static void *make_dense_nhwc(bench_memory *memory, const cvy_kernels *kernels, size_t index, double *flop) {
    (void)kernels;
    return make_dense_of(memory, index / 2, count_of(index), flop);
}

typedef dense dense_nhwc;

static const bench_family dense_family = {dense_name, make_dense};
static const bench_family dense_nhwc_family = {dense_count_name, make_dense_nhwc};

BENCH_ROW(dense_forward_hwc16n, dense, d->inputs + d->weights_count + d->units, &d->shape, d->x, d->weights, d->bias,
          d->y)
BENCH_ROW(dense_backward_data_hwc16n, dense, d->units + d->weights_count + 2 * d->inputs, &d->shape, d->dy, d->weights,
          d->derivative, d->dx)
BENCH_ROW(dense_backward_weights_hwc16n, dense, d->inputs + d->units + d->weights_count, &d->shape, d->x, d->dy,
          d->dweights, d->dbias, d->scratch)
BENCH_ROW(dense_forward_nhwc, dense_nhwc, d->inputs + d->weights_count + d->units, &d->shape, d->count, d->x,
          d->weights, d->bias, d->y)
BENCH_ROW(dense_backward_data_nhwc, dense_nhwc, d->units + d->weights_count + 2 * d->inputs, &d->shape, d->count, d->dy,
          d->weights, d->derivative, d->dx, d->scratch)
BENCH_ROW(dense_backward_weights_nhwc, dense_nhwc, d->inputs + d->units + d->weights_count, &d->shape, d->count, d->x,
          d->dy, d->dweights, d->dbias)

/* ---- Softmax ---------------------------------------------------------------------------------------------------- */

/* A block's vectors of 10 and 100 classes. */
typedef struct softmax {
    int32_t channels;
    size_t count;
    float *x, *y, *dy, *dx, *derivative, *loss;
    int32_t *predicted;
    uint8_t *labels;
} softmax;

static bool softmax_name(size_t index, char name[static BENCH_NAME_MAX]) {
    static const char *const names[] = {"10 classes", "100 classes"};
    if (index >= sizeof names / sizeof *names)
        return false;
    snprintf(name, BENCH_NAME_MAX, "%s", names[index]);
    return true;
}

static void *make_softmax(bench_memory *memory, const cvy_kernels *kernels, size_t index, double *flop) {
    (void)kernels;
    softmax *d = bench_take(memory, sizeof *d);
    int32_t channels = index ? 100 : 10;
    *d = (softmax){.channels = channels, .count = (size_t)channels * CVY_LANES};
    d->x = bench_floats(memory, d->count, -3, 3);
    d->y = bench_floats(memory, d->count, 0, 1);
    d->dy = bench_floats(memory, d->count, -1, 1);
    d->dx = bench_take(memory, d->count * sizeof(float));
    d->derivative = bench_floats(memory, d->count, 0, 1);
    d->loss = bench_take(memory, CVY_LANES * sizeof(float));
    d->predicted = bench_take(memory, CVY_LANES * sizeof(int32_t));
    d->labels = bench_take(memory, CVY_LANES);
    for (int l = 0; l < CVY_LANES; l++)
        d->labels[l] = (uint8_t)(l * 7 % channels);
    *flop = 0;
    return d;
}

static const bench_family softmax_family = {softmax_name, make_softmax};

BENCH_ROW(softmax_forward_hwc16n, softmax, 2 * d->count, 1, d->channels, d->x, d->y)
BENCH_ROW(softmax_backward_hwc16n, softmax, 4 * d->count, 1, d->channels, d->y, d->dy, d->derivative, d->dx)
BENCH_ROW(softmax_cross_entropy_hwc16n, softmax, 2 * d->count, d->channels, CVY_LANES, d->labels, 0, 1.0f / 32, d->x,
          d->loss, d->predicted, d->dx)
BENCH_ROW(softmax_forward_nhwc, softmax, 2 * d->count, CVY_LANES, d->channels, d->channels, d->x, d->y)
BENCH_ROW(softmax_backward_nhwc, softmax, 4 * d->count, CVY_LANES, d->channels, d->channels, d->y, d->dy, d->derivative,
          d->dx)
BENCH_ROW(softmax_cross_entropy_nhwc, softmax, 2 * d->count, d->channels, d->channels, CVY_LANES, d->labels, 0,
          1.0f / 32, d->x, d->loss, d->predicted, d->dx)
