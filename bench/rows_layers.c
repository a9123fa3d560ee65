/* Pooling, dense layers and softmax. */
#include "rows.h"
#include "scratch.h"

/* ---- Pooling ---------------------------------------------------------------------------------------------------- */

typedef struct pool {
    cvy_pool_shape shape;
    cvy_image_shape image; /* of the input, without gaps */
    int32_t count;
    size_t inputs, outputs;
    float *x, *y, *dy, *dx, *derivative;
    int32_t *argmax;
} pool;

BENCH_CASE_NAME(pool)

/* With `padded`, channels are filled up to whole vectors. */
static pool *make_pool_of(bench_case *b, bool padded) {
    pool_case c;
    pool_case_at(CASES_NAMED, b->index, &c);
    const cvy_pool_shape *s = &c.shape;
    size_t channels = padded ? cvy_round_to_lanes((size_t)s->channels) : (size_t)s->channels,
           images = (size_t)b->images;
    pool *d = bench_take(b->memory, sizeof *d);
    *d = (pool){.shape = *s,
                .image = {s->height, s->width, s->channels, s->width * s->channels, s->height * s->width * s->channels},
                .count = b->images,
                .inputs = images * channels * (size_t)(s->height * s->width),
                .outputs = images * channels * (size_t)(s->output_height * s->output_width)};
    d->x = bench_floats(b->memory, d->inputs, -1, 1);
    d->y = bench_take(b->memory, d->outputs * sizeof(float));
    d->argmax = bench_take(b->memory, d->outputs * sizeof(int32_t));
    d->dy = bench_floats(b->memory, d->outputs, -1, 1);
    d->derivative = bench_floats(b->memory, d->inputs, 0, 1);
    d->dx = bench_take(b->memory, d->inputs * sizeof(float));
    return d;
}

/* Pools have no multiply-adds, so they are measured in bytes. */
static void *make_pool(bench_case *b) {
    pool *d = make_pool_of(b, false);
    b->kernels->maxpool_forward_hwc16n(&d->shape, d->x, d->y, d->argmax);
    return d;
}

static void *make_pool_nhwc(bench_case *b) {
    pool *d = make_pool_of(b, false);
    b->kernels->maxpool_forward_nhwc(&d->shape, d->count, d->x, d->y, d->argmax);
    return d;
}

static void *make_pool_nchw16c(bench_case *b) {
    pool *d = make_pool_of(b, true);
    b->kernels->maxpool_forward_nchw16c(&d->shape, d->count, d->x, d->y, d->argmax);
    return d;
}

typedef pool pool_nhwc;
typedef pool pool_nchw16c;

static const bench_family pool_family = {pool_name, make_pool};
static const bench_family pool_nhwc_family = {pool_name, make_pool_nhwc, .few = true};
static const bench_family pool_nchw16c_family = {pool_name, make_pool_nchw16c, .few = true};

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

BENCH_CASE_NAME(dense)

static void *make_dense(bench_case *b) {
    dense_case c;
    dense_case_at(CASES_NAMED, b->index, &c);
    size_t inputs = (size_t)c.shape.inputs, units = (size_t)c.shape.units, images = (size_t)b->images;
    dense *d = bench_take(b->memory, sizeof *d);
    *d = (dense){.shape = c.shape,
                 .count = b->images,
                 .inputs = inputs * images,
                 .units = units * images,
                 .weights_count = inputs * units};
    d->x = bench_floats(b->memory, d->inputs, 0, 1);
    d->y = bench_take(b->memory, d->units * sizeof(float));
    d->dy = bench_floats(b->memory, d->units, -1, 1);
    d->dx = bench_take(b->memory, d->inputs * sizeof(float));
    d->derivative = bench_floats(b->memory, d->inputs, 0, 1);
    d->weights = bench_floats(b->memory, d->weights_count, -0.1f, 0.1f);
    d->bias = bench_floats(b->memory, units, -0.1f, 0.1f);
    d->dweights = bench_take(b->memory, d->weights_count * sizeof(float));
    d->dbias = bench_take(b->memory, units * sizeof(float));
    d->scratch = bench_take(b->memory, cvy_round_to_lanes(units) * CVY_LANES * sizeof(float));
    b->flop = 2.0 * (double)d->weights_count * b->images;
    return d;
}

typedef dense dense_nhwc;

static const bench_family dense_family = {dense_name, make_dense};
static const bench_family dense_nhwc_family = {dense_name, make_dense, .few = true};

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

static void *make_softmax(bench_case *b) {
    softmax *d = bench_take(b->memory, sizeof *d);
    int32_t channels = b->index ? 100 : 10;
    *d = (softmax){.channels = channels, .count = (size_t)channels * CVY_LANES};
    d->x = bench_floats(b->memory, d->count, -3, 3);
    d->y = bench_floats(b->memory, d->count, 0, 1);
    d->dy = bench_floats(b->memory, d->count, -1, 1);
    d->dx = bench_take(b->memory, d->count * sizeof(float));
    d->derivative = bench_floats(b->memory, d->count, 0, 1);
    d->loss = bench_take(b->memory, CVY_LANES * sizeof(float));
    d->predicted = bench_take(b->memory, CVY_LANES * sizeof(int32_t));
    d->labels = bench_take(b->memory, CVY_LANES);
    for (int l = 0; l < CVY_LANES; l++)
        d->labels[l] = (uint8_t)(l * 7 % channels);
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
