#include "layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/base/clock.h"
#include "../src/base/memory.h"
#include "counters.h"
#include "cpu.h"
#include "names.h"
#include "walk.h"

/* The walk that all benchmarks of layers go on with: the network learns while it is measured. */
static walk shared;
static cvy_kernels tables[CVY_TIERS];
static double clock_cost;

/* A part of a step on one tier. */
typedef struct part {
    walk_part part;
    int stage;
    cvy_tier tier;
    bool cold;
    double flop, bytes; /* of a step */
} part;

/* Every part, tier and variant that was registered. */
static part *parts;

static void run_part(bench_state *state, void *argument) {
    const part *p = argument;
    walk_watch watch = {.part = p->part, .stage = p->stage, .cold = p->cold, .clock_cost = clock_cost};
    walk_step(&shared, &tables[p->tier], NULL);
    bench_counters_reset();
    while (bench_more(state)) {
        walk_step(&shared, &tables[p->tier], &watch);
        bench_seconds(state, fmax(watch.seconds, 0));
    }
    bench_counters_report(state);
    bench_count(state, "flop", p->flop);
    bench_count(state, "bytes", p->bytes);
}

/* ---- Work ------------------------------------------------------------------------------------------------------- */

/* A weight does one multiply-add for each output position. */
static double weights_of(const cvy_stage *stage) {
    const bool conv2d = stage->kind == CVY_STAGE_CONV2D || stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2;
    const cvy_conv2d_shape *s = &stage->conv2d.shape;
    return cvy_stage_flop(stage) / 2 / (conv2d ? (double)s->output_height * s->output_width : 1);
}

/* Floats that a block's way through a stage must read and write, each once. */
static double stage_floats(const cvy_stage *stage, walk_part which) {
    double input = (double)cvy_shape_count(stage->input) * CVY_LANES;
    double output = (double)cvy_shape_count(stage->output) * CVY_LANES, weights = weights_of(stage);
    double argmax = stage->argmax == CVY_NONE ? 0 : output;
    switch (which) {
    case WALK_FORWARD:
        return input + weights + output + (stage->derivative == CVY_NONE ? 0 : output) + argmax;
    case WALK_BACKWARD_WEIGHTS:
        return input + output + argmax + weights;
    case WALK_BACKWARD_DATA:
        return output + argmax + weights + 2 * input; /* the derivative, too */
    case WALK_LOAD:
    case WALK_LOSS:
    case WALK_SUM:
    case WALK_UPDATE:
    case WALK_PARTS:
        break;
    }
    return 0;
}

/* The same of the parts without stages, for a whole step. */
static double other_floats(walk_part which) {
    double blocks = (double)walk_blocks(&shared), floats = (double)shared.variables.floats;
    const cvy_image_shape *input = &shared.plan.input;
    double image = (double)input->height * input->width * input->channels * CVY_LANES;
    switch (which) {
    case WALK_LOAD: /* from bytes or floats, to a block and images in NHWC */
        return blocks * image * (shared.data.dataset->element == CVY_ELEMENT_U8 ? 2.25 : 3);
    case WALK_LOSS:
        return blocks * 2 * shared.plan.classes * CVY_LANES;
    case WALK_SUM:
        return (blocks - 1) * 3 * floats;
    case WALK_UPDATE: /* RMSprop: the gradient, and its mean square and the parameters to and fro */
        return 5 * floats;
    case WALK_FORWARD:
    case WALK_BACKWARD_WEIGHTS:
    case WALK_BACKWARD_DATA:
    case WALK_PARTS:
        break;
    }
    return 0;
}

/* ---- Registration ----------------------------------------------------------------------------------------------- */

/* Steps that take about that long: at least one. */
static int64_t steps_in(double seconds, cvy_tier tier) {
    double best = INFINITY;
    for (int i = 0; i < 3; i++) {
        double begun = cvy_clock();
        walk_step(&shared, &tables[tier], NULL);
        best = fmin(best, cvy_clock() - begun);
    }
    return (int64_t)fmax(1, seconds / best + 0.5);
}

typedef struct registration {
    char model[64];
    double seconds;
    int count; /* of parts, so far */
    int64_t steps;
} registration;

static void register_part(registration *r, const part *p, const char *where) {
    for (int cold = 0; cold < 2; cold++) {
        part *kept = &parts[r->count++];
        *kept = *p;
        kept->cold = cold;
        char name[512];
        snprintf(name, sizeof name, "layer/%s/%s/%s/%s/%s", r->model, where, walk_part_names[p->part],
                 cvy_tier_name(p->tier), cold ? "cold" : "warm");
        bench_register(name, run_part, kept, (bench_settings){.own_clock = true, .iterations = r->steps});
    }
}

static void register_stage(registration *r, int index, cvy_tier tier) {
    const cvy_stage *stage = &shared.plan.stages[index];
    double blocks = (double)walk_blocks(&shared);
    char name[256];
    walk_stage_name(shared.network, stage, name, sizeof name);
    for (walk_part p = WALK_FORWARD; p <= WALK_BACKWARD_DATA; p++) {
        bool weights = p == WALK_BACKWARD_WEIGHTS, data = p == WALK_BACKWARD_DATA;
        if (p == WALK_LOSS || (weights && (index < shared.plan.first_trainable || weights_of(stage) == 0)) ||
            (data && index <= shared.plan.first_trainable))
            continue;
        register_part(r,
                      &(part){.part = p,
                              .stage = index,
                              .tier = tier,
                              .flop = blocks * CVY_LANES * cvy_stage_flop(stage),
                              .bytes = blocks * sizeof(float) * stage_floats(stage, p)},
                      name);
    }
}

static void register_tier(registration *r, cvy_tier tier) {
    static const struct {
        walk_part part;
        const char *where;
    } others[] = {{WALK_LOAD, "images"}, {WALK_LOSS, "loss"}, {WALK_SUM, "gradients"}, {WALK_UPDATE, "parameters"}};
    r->steps = steps_in(r->seconds, tier);
    for (int i = 0; i < shared.plan.count; i++)
        register_stage(r, i, tier);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        register_part(
            r, &(part){.part = others[i].part, .tier = tier, .bytes = sizeof(float) * other_floats(others[i].part)},
            others[i].where);
}

/* What two readings of the clock take by themselves. */
static double cost_of_clock(void) {
    double best = INFINITY;
    for (int i = 0; i < 1000; i++) {
        double begun = cvy_clock();
        best = fmin(best, cvy_clock() - begun);
    }
    return best;
}

/* Weights as they are in the midst of training: up to an epoch, up to a quarter of a second. */
static void warm_up(void) {
    const cvy_kernels *kernels = &tables[cvy_cpu_best(cvy_cpu_tiers())];
    size_t steps = shared.data.dataset->count / shared.batch;
    double begun = cvy_clock();
    for (size_t i = 0; i < steps && cvy_clock() - begun < 0.25; i++)
        walk_step(&shared, kernels, NULL);
}

bool bench_register_layers(const bench_layers_options *options, cvy_status *status) {
    if (!walk_begin(&shared, options->model, options->data, options->batch, status))
        return false;
    size_t most = (size_t)(3 * shared.plan.count + WALK_PARTS) * 2 * CVY_TIERS;
    if (!(parts = cvy_allocate(most, sizeof *parts, "benchmarks", status))) {
        bench_layers_free();
        return false;
    }
    registration r = {.seconds = options->seconds};
    bench_model_name(options->model, r.model, sizeof r.model);
    clock_cost = cost_of_clock();
    unsigned runs = cvy_cpu_tiers();
    for (int t = 0; t < CVY_TIERS; t++)
        if (runs >> t & 1)
            cvy_kernels_fill(&tables[t], (cvy_tier)t);
    warm_up();
    bench_context("images", shared.data.drawn ? "drawn rings" : cvy_dataset_origin(shared.data.dataset));
    for (int t = 0; t < CVY_TIERS; t++)
        if (options->tiers & runs & 1u << t)
            register_tier(&r, (cvy_tier)t);
    return true;
}

void bench_layers_free(void) {
    walk_end(&shared);
    free(parts);
    parts = NULL;
}
