/* Convolutions, with and without the pool behind them. */
#include <math.h>

#include "rows.h"
#include "scratch.h"

/* ---- HWC16N ----------------------------------------------------------------------------------------------------- */

typedef struct conv2d {
    cvy_conv2d_shape shape;
    int32_t count; /* of images, where the layout does not say */
    size_t inputs, outputs, pooled, taps;
    float *x, *images, *weights, *bias, *y, *derivative, *dx, *dy, *dweights, *dbias, *scratch;
    int32_t *argmax;
} conv2d;

BENCH_CASE_NAME(conv2d)

static conv2d *begin(bench_case *b) {
    conv2d_case c;
    conv2d_case_at(CASES_NAMED, b->index, &c);
    conv2d *d = bench_take(b->memory, sizeof *d);
    const cvy_conv2d_shape *s = &c.shape;
    size_t images = (size_t)b->images;
    *d = (conv2d){.shape = *s,
                  .count = b->images,
                  .inputs = conv2d_inputs(s) / CVY_LANES * images,
                  .outputs = conv2d_outputs(s) / CVY_LANES * images,
                  .pooled = conv2d_pooled(s) / CVY_LANES * images,
                  .taps = conv2d_weights(s)};
    b->flop = 2.0 * (double)conv2d_weights(s) * s->output_height * s->output_width * b->images;
    return d;
}

/* Glorot's limits, as fresh weights have them, so that sums are neither all large nor all small. */
static void take_weights(bench_case *b, conv2d *d) {
    int32_t taps = d->shape.kernel_height * d->shape.kernel_width;
    float limit = sqrtf(6.0f / (float)(taps * (d->shape.input.channels + d->shape.filters)));
    d->weights = bench_floats(b->memory, d->taps, -limit, limit);
    d->bias = bench_floats(b->memory, (size_t)d->shape.filters, -0.1f, 0.1f);
    d->dweights = bench_take(b->memory, d->taps * sizeof(float));
    d->dbias = bench_take(b->memory, (size_t)d->shape.filters * sizeof(float));
}

static void *make_conv2d(bench_case *b) {
    conv2d *d = begin(b);
    take_weights(b, d);
    d->x = bench_take(b->memory, d->inputs * sizeof(float));
    bench_draw(b->memory, d->shape.input.height, d->shape.input.width, d->shape.input.channels, d->x);
    d->images = bench_take(b->memory, nhwc_extent(&d->shape.input) * sizeof(float));
    b->kernels->reorder_hwc16n_nhwc(&d->shape.input, d->x, d->images);
    d->y = bench_take(b->memory, d->outputs * sizeof(float));
    d->derivative = bench_floats(b->memory, d->inputs > d->outputs ? d->inputs : d->outputs, 0, 1);
    d->argmax = bench_take(b->memory, d->pooled * sizeof(int32_t));
    d->dy = bench_floats(b->memory, d->outputs, -1, 1);
    d->dx = bench_take(b->memory, d->inputs * sizeof(float));
    size_t scratch = cvy_conv2d_maxpool2x2_scratch(&d->shape);
    d->scratch = bench_take(b->memory, scratch * sizeof(float));
    /* The maxima of real windows, for the operations that read where they lie. */
    float *slopes = bench_take(b->memory, d->pooled * sizeof(float));
    b->kernels->conv2d_maxpool2x2_forward_hwc16n(&d->shape, CVY_ACT_SILU, d->x, d->weights, d->bias, d->y, slopes,
                                                 d->argmax);
    return d;
}

static const bench_family conv2d_family = {conv2d_name, make_conv2d};

BENCH_ROW(conv2d_forward_hwc16n, conv2d, d->inputs + d->taps + d->outputs, &d->shape, d->x, d->weights, d->bias, d->y)
BENCH_ROW(conv2d_backward_data_hwc16n, conv2d, d->outputs + d->taps + 2 * d->inputs, &d->shape, d->dy, d->weights,
          d->derivative, d->dx)
BENCH_ROW(conv2d_backward_weights_hwc16n, conv2d, d->inputs + d->outputs + d->taps, &d->shape, d->images, d->dy,
          d->dweights, d->dbias)
BENCH_ROW(conv2d_maxpool2x2_forward_hwc16n, conv2d, d->inputs + d->taps + 3 * d->pooled, &d->shape, CVY_ACT_SILU, d->x,
          d->weights, d->bias, d->y, d->derivative, d->argmax)
BENCH_ROW(conv2d_maxpool2x2_backward_data_hwc16n, conv2d, 2 * d->pooled + d->taps + 2 * d->inputs, &d->shape, d->dy,
          d->argmax, d->weights, d->derivative, d->dx, d->scratch)
BENCH_ROW(conv2d_maxpool2x2_backward_weights_hwc16n, conv2d, d->inputs + 2 * d->pooled + d->taps, &d->shape, d->x,
          d->dy, d->argmax, d->dweights, d->dbias, d->scratch)

/* ---- Layouts for few images ---------------------------------------------------------------------------------------
 */

typedef conv2d conv2d_nhwc;
typedef conv2d conv2d_nchw16c;

/* The layer over dense images; with `padded`, channels and filters are filled up to whole vectors. */
static conv2d *make_few(bench_case *b, bool padded) {
    conv2d *d = begin(b);
    cvy_conv2d_shape *s = &d->shape;
    s->input.row = s->input.width * s->input.channels;
    s->input.image = s->input.height * s->input.row;
    size_t images = (size_t)d->count, positions = (size_t)(s->input.height * s->input.width);
    size_t channels = (size_t)s->input.channels, filters = (size_t)s->filters;
    if (padded) {
        channels = cvy_round_to_lanes(channels);
        filters = cvy_round_to_lanes(filters);
        d->inputs = images * positions * channels;
        d->outputs = images * (size_t)(s->output_height * s->output_width) * filters;
    }
    take_weights(b, d);
    float *block = bench_take(b->memory, conv2d_inputs(s) * sizeof(float));
    bench_draw(b->memory, s->input.height, s->input.width, s->input.channels, block);
    d->x = bench_take(b->memory, (size_t)CVY_LANES * positions * channels * sizeof(float));
    if (padded)
        b->kernels->reorder_hwc16n_nchw16c(&s->input, d->count, block, d->x);
    else
        b->kernels->reorder_hwc16n_nhwc(&s->input, block, d->x);
    d->y = bench_take(b->memory, d->outputs * sizeof(float));
    d->derivative = bench_floats(b->memory, d->inputs, 0, 1);
    d->dx = bench_take(b->memory, d->inputs * sizeof(float));
    d->dy = bench_floats(b->memory, d->outputs, -1, 1);
    size_t forward = cvy_conv2d_forward_nhwc_scratch(s), backward = cvy_conv2d_backward_data_nhwc_scratch(s);
    size_t scratch = padded ? (size_t)(s->kernel_height * s->kernel_width) * channels * filters
                            : (forward > backward ? forward : backward);
    d->scratch = bench_take(b->memory, scratch * sizeof(float));
    return d;
}

static void *make_nhwc(bench_case *b) {
    return make_few(b, false);
}

static void *make_nchw16c(bench_case *b) {
    return make_few(b, true);
}

static const bench_family conv2d_nhwc_family = {conv2d_name, make_nhwc, .few = true};
static const bench_family conv2d_nchw16c_family = {conv2d_name, make_nchw16c, .few = true};

BENCH_ROW(conv2d_forward_nhwc, conv2d_nhwc, d->inputs + d->taps + d->outputs, &d->shape, d->count, d->x, d->weights,
          d->bias, d->y, d->scratch)
BENCH_ROW(conv2d_backward_data_nhwc, conv2d_nhwc, d->outputs + d->taps + 2 * d->inputs, &d->shape, d->count, d->dy,
          d->weights, d->derivative, d->dx, d->scratch)
BENCH_ROW(conv2d_backward_weights_nhwc, conv2d_nhwc, d->inputs + d->outputs + d->taps, &d->shape, d->count, d->x, d->dy,
          d->dweights, d->dbias)
BENCH_ROW(conv2d_forward_nchw16c, conv2d_nchw16c, d->inputs + d->taps + d->outputs, &d->shape, d->count, d->x,
          d->weights, d->bias, d->y, d->scratch)
BENCH_ROW(conv2d_backward_data_nchw16c, conv2d_nchw16c, d->outputs + d->taps + 2 * d->inputs, &d->shape, d->count,
          d->dy, d->weights, d->derivative, d->dx, d->scratch)
BENCH_ROW(conv2d_backward_weights_nchw16c, conv2d_nchw16c, d->inputs + d->outputs + d->taps, &d->shape, d->count, d->x,
          d->dy, d->dweights, d->dbias, d->scratch)
