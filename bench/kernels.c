/* How fast the kernels are, as shares of one core's peak of fused multiply-adds.
 *
 *   build/bench/kernels [TIER...] [-s SECONDS]
 *
 * One thread, 16 images, in all three layouts. Every kernel is called for a while, in turn with the peak, and the
 * fastest call of each counts: that is steady even on a busy machine. Multiply-adds are counted densely, so a kernel
 * that leaves out zeros can exceed 100 %. The images are drawn strokes on an empty ground, as digits are, because the
 * time of some kernels depends on where the winners are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../kernels/cpu.h"
#include "../kernels/scratch.h"

/* ---- What is measured ------------------------------------------------------------------------------------------- */

typedef struct layer {
    cvy_conv2d_shape conv;
    cvy_dense_shape dense;
    cvy_activation_kind activation;
    float *x, *images, *weights, *bias, *y, *derivative, *dx, *dy, *dweights, *dbias, *scratch;
    int32_t *winner;
} layer;

typedef struct measurement {
    const char *name;
    void (*call)(const cvy_kernels *k, layer *l);
    layer *layer;
    double multiply_adds; /* of a call */
    double best[CVY_TIERS];
} measurement;

static void forward(const cvy_kernels *k, layer *l) {
    k->conv2d_forward_hwc16n(&l->conv, l->x, l->weights, l->bias, l->y);
}

static void fused(const cvy_kernels *k, layer *l) {
    k->conv2d_maxpool2x2_forward_hwc16n(&l->conv, l->activation, l->x, l->weights, l->bias, l->y, l->derivative,
                                        l->winner);
}

static void data(const cvy_kernels *k, layer *l) {
    k->conv2d_backward_data_hwc16n(&l->conv, l->dy, l->weights, l->derivative, l->dx);
}

static void weights(const cvy_kernels *k, layer *l) {
    k->conv2d_backward_weights_hwc16n(&l->conv, l->images, l->dy, l->dweights, l->dbias);
}

static void winners_data(const cvy_kernels *k, layer *l) {
    k->conv2d_maxpool2x2_backward_data_hwc16n(&l->conv, l->dy, l->winner, l->weights, NULL, l->dx, l->scratch);
}

static void winners_weights(const cvy_kernels *k, layer *l) {
    k->conv2d_maxpool2x2_backward_weights_hwc16n(&l->conv, l->images, l->dy, l->winner, l->dweights, l->dbias);
}

static void nhwc_forward(const cvy_kernels *k, layer *l) {
    k->conv2d_forward_nhwc(&l->conv, CVY_LANES, l->x, l->weights, l->bias, l->y, l->scratch);
}

static void nhwc_data(const cvy_kernels *k, layer *l) {
    k->conv2d_backward_data_nhwc(&l->conv, CVY_LANES, l->dy, l->weights, l->derivative, l->dx, l->scratch);
}

static void nhwc_weights(const cvy_kernels *k, layer *l) {
    k->conv2d_backward_weights_nhwc(&l->conv, CVY_LANES, l->x, l->dy, l->dweights, l->dbias);
}

static void nchw16c_forward(const cvy_kernels *k, layer *l) {
    k->conv2d_forward_nchw16c(&l->conv, CVY_LANES, l->x, l->weights, l->bias, l->y, l->scratch);
}

static void nchw16c_data(const cvy_kernels *k, layer *l) {
    k->conv2d_backward_data_nchw16c(&l->conv, CVY_LANES, l->dy, l->weights, l->derivative, l->dx, l->scratch);
}

static void nchw16c_weights(const cvy_kernels *k, layer *l) {
    k->conv2d_backward_weights_nchw16c(&l->conv, CVY_LANES, l->x, l->dy, l->dweights, l->dbias, l->scratch);
}

static void dense_forward(const cvy_kernels *k, layer *l) {
    k->dense_forward_hwc16n(&l->dense, l->x, l->weights, l->bias, l->y);
}

static void dense_backward(const cvy_kernels *k, layer *l) {
    k->dense_backward_weights_hwc16n(&l->dense, l->x, l->dy, l->dweights, l->dbias, l->scratch);
    k->dense_backward_data_hwc16n(&l->dense, l->dy, l->weights, NULL, l->dx);
}

/* ---- Data ------------------------------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

static float uniform(float from, float to) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return from + (to - from) * (float)(state >> 40) * 0x1p-24f;
}

static float *buffer(size_t count, float from, float to) {
    float *p = aligned_alloc(4096, (count * sizeof *p + 8191) / 4096 * 4096);
    if (!p)
        abort();
    for (size_t i = 0; i < count; i++)
        p[i] = uniform(from, to);
    return p;
}

/* Rings of ink, another in each lane: a fifth of an image, as in MNIST. */
static void draw(float *x, int side, int channels) {
    for (int l = 0; l < CVY_LANES; l++) {
        float cy = uniform(0.4f, 0.6f) * (float)side, cx = uniform(0.4f, 0.6f) * (float)side;
        float radius = uniform(0.2f, 0.3f) * (float)side, pen = 0.07f * (float)side;
        for (int y = 0; y < side; y++)
            for (int c = 0; c < side * channels; c++) {
                float distance = fabsf(hypotf((float)y - cy, (float)(c / channels) - cx) - radius);
                x[(y * side * channels + c) * CVY_LANES + l] = distance < pen ? uniform(150, 255) : 0;
            }
    }
}

static layer conv(const cvy_kernels *k, int side, int channels, int filters, cvy_activation_kind activation) {
    int out = side - 4, pooled = out / 2;
    layer l = {.activation = activation,
               .conv = {.input = {side, side, channels, side * channels, side * side * channels + 16},
                        .kernel_height = 5,
                        .kernel_width = 5,
                        .stride_y = 1,
                        .stride_x = 1,
                        .filters = filters,
                        .output_height = out,
                        .output_width = out}};
    size_t inputs = (size_t)(side * side * channels) * CVY_LANES, outputs = (size_t)(out * out * filters) * CVY_LANES;
    size_t taps = (size_t)(25 * channels * filters);
    float limit = sqrtf(6.0f / (float)(25 * (channels + filters)));
    l.x = buffer(inputs, 0, 0);
    draw(l.x, side, channels);
    l.images = buffer((size_t)l.conv.input.image * CVY_LANES, 0, 0);
    k->reorder_hwc16n_nhwc(&l.conv.input, l.x, l.images);
    l.weights = buffer(taps, -limit, limit);
    l.bias = buffer((size_t)filters, 0, 0);
    l.y = buffer(outputs, 0, 0);
    l.derivative = buffer(inputs > outputs ? inputs : outputs, 0, 1);
    l.dx = buffer(inputs, 0, 0);
    l.dy = buffer(outputs, -1, 1);
    l.dweights = buffer(taps, 0, 0);
    l.dbias = buffer((size_t)filters, 0, 0);
    l.scratch = buffer(outputs, 0, 0);
    l.winner = (int32_t *)buffer((size_t)(pooled * pooled * filters) * CVY_LANES, 0, 0);
    fused(k, &l); /* winners as they fall */
    return l;
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

/* A layer of plain convolutions on dense images, channels and filters multiples of 16 where the layout is NCHW16C. */
static layer plain(int side, int channels, int filters) {
    int out = side - 4;
    layer l = {.conv = {.input = {side, side, channels, side * channels, side * side * channels},
                        .kernel_height = 5,
                        .kernel_width = 5,
                        .stride_y = 1,
                        .stride_x = 1,
                        .filters = filters,
                        .output_height = out,
                        .output_width = out}};
    size_t inputs = (size_t)(side * side * channels) * CVY_LANES, outputs = (size_t)(out * out * filters) * CVY_LANES;
    size_t taps = (size_t)(25 * channels * filters);
    size_t scratch = most(cvy_conv2d_forward_nhwc_scratch(&l.conv), cvy_conv2d_backward_data_nhwc_scratch(&l.conv));
    l.x = buffer(inputs, -1, 1);
    l.weights = buffer(taps, -0.1f, 0.1f);
    l.bias = buffer((size_t)filters, 0, 0);
    l.y = buffer(outputs, 0, 0);
    l.derivative = buffer(inputs, 0, 1);
    l.dx = buffer(inputs, 0, 0);
    l.dy = buffer(outputs, -1, 1);
    l.dweights = buffer(taps, 0, 0);
    l.dbias = buffer((size_t)filters, 0, 0);
    l.scratch = buffer(most(scratch, taps), 0, 0);
    return l;
}

static layer dense(int inputs, int units) {
    layer l = {.dense = {inputs, units, inputs, units}};
    size_t in = (size_t)inputs, out = (size_t)units;
    l.x = buffer(in * CVY_LANES, 0, 1);
    l.weights = buffer(in * out, -0.1f, 0.1f);
    l.bias = buffer(out, 0, 0);
    l.y = buffer(out * CVY_LANES, 0, 0);
    l.dx = buffer(in * CVY_LANES, 0, 0);
    l.dy = buffer(out * CVY_LANES, -1, 1);
    l.dweights = buffer(in * out, 0, 0);
    l.dbias = buffer(out, 0, 0);
    l.scratch = buffer((out + 15) / 16 * 16 * CVY_LANES, 0, 0);
    return l;
}

static double conv_work(const layer *l) {
    const cvy_conv2d_shape *s = &l->conv;
    return 25.0 * s->input.channels * s->filters * s->output_height * s->output_width * CVY_LANES;
}

static double dense_work(const layer *l) {
    return (double)l->dense.inputs * l->dense.units * CVY_LANES;
}

/* ---- Time ------------------------------------------------------------------------------------------------------- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The fastest of `calls` calls. */
static double fastest(measurement *m, const cvy_kernels *k, int calls, double best) {
    for (int i = 0; i < calls; i++) {
        double begun = now();
        m->call(k, m->layer);
        double taken = now() - begun;
        best = taken < best ? taken : best;
    }
    return best;
}

/* Multiply-adds a second of one core. */
static double peak(const cvy_kernels *k, double best) {
    enum { ROUNDS = 2000 };
    static _Alignas(64) float result[CVY_PEAK_FLOATS];
    for (int i = 0; i < 20; i++) {
        double begun = now();
        k->fma_peak(ROUNDS, result);
        double rate = ROUNDS * CVY_PEAK_FLOATS / (now() - begun);
        best = rate > best ? rate : best;
    }
    return best;
}

static void measure(measurement *list, size_t count, unsigned tiers, double seconds, double *best_peak) {
    cvy_kernels tables[CVY_TIERS];
    for (int t = 0; t < CVY_TIERS; t++)
        if (tiers >> t & 1)
            cvy_kernels_fill(&tables[t], (cvy_tier)t);
    for (size_t i = 0; i < count; i++)
        for (int t = 0; t < CVY_TIERS; t++)
            list[i].best[t] = INFINITY;
    const cvy_kernels *best_tier = &tables[cvy_cpu_best(tiers)];
    for (double begun = now(); now() - begun < seconds;)
        for (size_t i = 0; i < count; i++) {
            *best_peak = peak(best_tier, *best_peak);
            for (int t = 0; t < CVY_TIERS; t++)
                if (tiers >> t & 1)
                    list[i].best[t] = fastest(&list[i], &tables[t], t == CVY_TIER_scalar ? 1 : 50, list[i].best[t]);
        }
}

int main(int argc, char **argv) {
    unsigned tiers = cvy_cpu_tiers() & ~(1u << CVY_TIER_scalar), wanted = 0;
    double seconds = 10;
    for (int i = 1; i < argc; i++) {
        cvy_tier tier;
        if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            seconds = atof(argv[++i]);
        else if (cvy_tier_from_name(argv[i], &tier) && cvy_cpu_tiers() >> tier & 1)
            wanted |= 1u << tier;
        else
            return fprintf(stderr, "usage: kernels [TIER...] [-s SECONDS]; this machine runs no tier \"%s\"\n",
                           argv[i]),
                   2;
    }
    if (wanted || !tiers)
        tiers = wanted ? wanted : 1u << CVY_TIER_scalar;

    cvy_kernels k;
    cvy_kernels_fill(&k, cvy_cpu_best(tiers));
    layer conv1 = conv(&k, 28, 1, 3, CVY_ACT_SILU), conv2 = conv(&k, 12, 3, 6, CVY_ACT_SILU);
    layer lenet = conv(&k, 12, 6, 16, CVY_ACT_RELU), hidden = dense(96, 84), output = dense(84, 10);
    layer plain1 = plain(28, 1, 3), plain2 = plain(12, 3, 6), wide = plain(12, 32, 64);
    measurement list[] = {
        {.name = "HWC16N 1->3, 28x28: forward", .call = forward, .layer = &conv1},
        {.name = "  forward, silu and pool", .call = fused, .layer = &conv1},
        {.name = "  backward_weights, winners", .call = winners_weights, .layer = &conv1},
        {.name = "HWC16N 3->6, 12x12: forward", .call = forward, .layer = &conv2},
        {.name = "  forward, silu and pool", .call = fused, .layer = &conv2},
        {.name = "  backward_data, winners", .call = winners_data, .layer = &conv2},
        {.name = "  backward_weights, winners", .call = winners_weights, .layer = &conv2},
        {.name = "HWC16N 6->16, 12x12: forward", .call = forward, .layer = &lenet},
        {.name = "  backward_data", .call = data, .layer = &lenet},
        {.name = "  backward_weights", .call = weights, .layer = &lenet},
        {.name = "dense 96->84: forward", .call = dense_forward, .layer = &hidden},
        {.name = "  backward", .call = dense_backward, .layer = &hidden},
        {.name = "dense 84->10: forward", .call = dense_forward, .layer = &output},
        {.name = "  backward", .call = dense_backward, .layer = &output},
        {.name = "NHWC 1->3, 28x28: forward", .call = nhwc_forward, .layer = &plain1},
        {.name = "  backward_data", .call = nhwc_data, .layer = &plain1},
        {.name = "  backward_weights", .call = nhwc_weights, .layer = &plain1},
        {.name = "NHWC 3->6, 12x12: forward", .call = nhwc_forward, .layer = &plain2},
        {.name = "  backward_data", .call = nhwc_data, .layer = &plain2},
        {.name = "  backward_weights", .call = nhwc_weights, .layer = &plain2},
        {.name = "NCHW16C 32->64, 12x12: forward", .call = nchw16c_forward, .layer = &wide},
        {.name = "  backward_data", .call = nchw16c_data, .layer = &wide},
        {.name = "  backward_weights", .call = nchw16c_weights, .layer = &wide},
    };
    enum { COUNT = sizeof list / sizeof *list };
    for (size_t i = 0; i < COUNT; i++) {
        bool is_dense = list[i].layer == &hidden || list[i].layer == &output;
        list[i].multiply_adds = is_dense ? dense_work(list[i].layer) : conv_work(list[i].layer);
        if (list[i].call == dense_backward)
            list[i].multiply_adds *= 2;
    }
    double best_peak = 0;
    measure(list, COUNT, tiers, seconds, &best_peak);

    printf("peak of one core: %.1f GFLOP/s (%s)\n%-32s", 2e-9 * best_peak, cvy_tier_name(cvy_cpu_best(tiers)), "");
    for (int t = 0; t < CVY_TIERS; t++)
        if (tiers >> t & 1)
            printf("  %18s", cvy_tier_name((cvy_tier)t));
    for (size_t i = 0; i < COUNT; i++) {
        printf("\n%-32s", list[i].name);
        for (int t = 0; t < CVY_TIERS; t++)
            if (tiers >> t & 1)
                printf("  %8.2f us  %4.0f %%", 1e6 * list[i].best[t],
                       100 * list[i].multiply_adds / list[i].best[t] / best_peak);
    }
    putchar('\n');
    return 0;
}
