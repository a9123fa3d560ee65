#include "layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/base/clock.h"
#include "../src/base/memory.h"
#include "../src/data/order.h"
#include "../src/train/trainer_object.h"
#include "counters.h"
#include "cpu.h"
#include "data.h"
#include "harness.h"
#include "memory.h"
#include "names.h"

const char *const bench_stage_parts[CVY_PARTS_OF_STAGE] = {"forward", "backward_weights", "backward_data"};

/* The training that all benchmarks of layers continue: the network learns while it is measured. */
static struct {
    cvy_network *network;
    bench_data data;
    cvy_kernels kernels; /* the trainer's: of the tier that is measured */
    cvy_trainer *trainer;
    size_t batch, at; /* images a step; position in the epoch */
    uint32_t epoch;
    uint32_t *order;
} shared;

/* A part of a step on one tier. */
typedef struct part {
    int number; /* train/watch.h */
    cvy_tier tier;
    bool cold;
    double flop, bytes; /* of a step */
    size_t steps;       /* of a run */
} part;

/* Every part, tier and variant that was registered. */
static part *parts;

/* ---- The stop watch --------------------------------------------------------------------------------------------- */

typedef struct stop_watch {
    int part;
    bool cold;
    double begun, seconds; /* of the present step */
    double *steps;         /* seconds of each step */
    size_t count;
} stop_watch;

/* Seconds of each step of a run. */
static double *step_seconds;

/* Seconds that the stop watch finds in a part that does nothing. */
static double overhead;

static void chill(void) {
    const cvy_trainer *trainer = shared.trainer;
    const cvy_worker *worker = &trainer->workers.list[0];
    const size_t floats = trainer->variables.floats;
    bench_chill(worker->workspace[CVY_LAYOUT_HWC16N], trainer->plan.workspace * sizeof(float));
    bench_chill(worker->gradients, (size_t)worker->gradients_depth * floats * sizeof(float));
    bench_chill(trainer->parameters, floats * sizeof(float));
}

/* The sum of the last blocks' gradients counts as one part with the sums before it. */
static int timed_as(int number) {
    return number == CVY_PART_REDUCTION ? CVY_PART_SUM : number;
}

/* A cvy_watch_hook. */
static void on_part(void *user, int from, int to) {
    stop_watch *watch = user;
    if (timed_as(from) == watch->part) {
        watch->seconds += cvy_clock() - watch->begun - overhead;
        bench_counters_pause();
    }
    if (from == CVY_PART_WAIT_PARAMETERS) {
        watch->steps[watch->count++] = fmax(watch->seconds, 0);
        watch->seconds = 0;
    }
    if (timed_as(to) == watch->part) {
        if (watch->cold)
            chill();
        bench_counters_resume();
        watch->begun = cvy_clock();
    }
}

static double measure_overhead(void) {
    union {
        cvy_watch watch;
        double room[sizeof(cvy_watch) / sizeof(double) + CVY_PARTS_OF_STEP];
    } own = {0};
    double best = INFINITY;
    stop_watch watch = {.part = CVY_PART_LOSS};
    own.watch.hook = on_part;
    own.watch.user = &watch;
    own.watch.part = CVY_PART_OUTSIDE;
    for (int i = 0; i < 1000; i++) {
        watch.seconds = 0;
        cvy_watch_enter(&own.watch, CVY_PART_LOSS);
        cvy_watch_enter(&own.watch, CVY_PART_OUTSIDE);
        best = fmin(best, watch.seconds);
    }
    return best;
}

/* ---- Runs ------------------------------------------------------------------------------------------------------- */

/* Trains on the next `steps` batches of a shuffled epoch. A new epoch begins where too few images are left. */
static void train(size_t steps, cvy_step_fn *on_step, cvy_status *status) {
    const size_t count = shared.data.dataset->count, images = steps * shared.batch;
    if (shared.at + images > count) {
        cvy_order_fill(shared.order, count, 0, shared.epoch++, true);
        shared.at = 0;
    }
    cvy_epoch epoch = {
        .order = shared.order + shared.at, .count = images, .batch_size = shared.batch, .on_step = on_step};
    cvy_trainer_epoch(shared.trainer, shared.data.dataset, &epoch, status);
    shared.at += images;
}

static void run_part(bench_state *state, void *argument) {
    const part *p = argument;
    stop_watch watch = {.part = p->number, .cold = p->cold, .steps = step_seconds};
    cvy_status status = {0};
    cvy_kernels_fill(&shared.kernels, p->tier);
    bench_counters_reset();
    cvy_trainer_watch(shared.trainer, on_part, &watch);
    train(p->steps, NULL, &status);
    cvy_trainer_watch(shared.trainer, NULL, NULL);
    if (!cvy_ok(&status))
        bench_fail(state, status.what);
    for (size_t i = 0; bench_more(state); i++)
        bench_seconds(state, watch.steps[i % watch.count]);
    bench_counters_report(state);
    bench_count(state, "flop", p->flop);
    bench_count(state, "bytes", p->bytes);
}

/* ---- Work ------------------------------------------------------------------------------------------------------- */

static double blocks_of_a_step(void) {
    return (double)cvy_blocks_of(shared.batch);
}

/* A weight does one multiply-add for each output position. */
static double weights_of(const cvy_stage *stage) {
    const bool conv2d = stage->kind == CVY_STAGE_CONV2D || stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2;
    const cvy_conv2d_shape *s = &stage->conv2d.shape;
    return cvy_stage_flop(stage) / 2 / (conv2d ? (double)s->output_height * s->output_width : 1);
}

/* Floats that a block must read and write in a part of a stage, each once. */
static double stage_floats(const cvy_stage *stage, cvy_part_of_stage which) {
    const double input = (double)cvy_shape_count(stage->input) * CVY_LANES;
    const double output = (double)cvy_shape_count(stage->output) * CVY_LANES, weights = weights_of(stage);
    const double argmax = stage->argmax == CVY_NONE ? 0 : output;
    if (which == CVY_PART_FORWARD)
        return input + weights + output + (stage->derivative == CVY_NONE ? 0 : output) + argmax;
    if (which == CVY_PART_BACKWARD_WEIGHTS)
        return input + output + argmax + weights;
    return output + argmax + weights + 2 * input; /* the derivative, too */
}

/* ---- Registration ----------------------------------------------------------------------------------------------- */

typedef struct registration {
    char model[64];
    double seconds;
    int count; /* of parts so far */
    cvy_tier tier;
    size_t steps; /* of a run on that tier */
} registration;

/* How many steps take about that long: at least one, at most an epoch. */
static size_t steps_in(double seconds, cvy_status *status) {
    double best = INFINITY;
    for (int i = 0; i < 3; i++) {
        const double begun = cvy_clock();
        train(1, NULL, status);
        best = fmin(best, cvy_clock() - begun);
    }
    const size_t most = shared.data.dataset->count / shared.batch;
    return (size_t)fmin((double)most, fmax(1, seconds / best + 0.5));
}

static void register_part(registration *r, int number, const char *where, const char *what, double flop,
                          double floats) {
    for (int cold = 0; cold < 2; cold++) {
        part *p = &parts[r->count++];
        *p = (part){number, r->tier, cold, flop, sizeof(float) * floats, r->steps};
        char name[512];
        snprintf(name, sizeof name, "layer/%s/%s/%s/%s/%s", r->model, where, what, cvy_tier_name(r->tier),
                 cold ? "cold" : "warm");
        bench_register(name, run_part, p, (bench_settings){.own_clock = true, .iterations = (int64_t)r->steps});
    }
}

static void register_stage(registration *r, int index) {
    const cvy_plan *plan = &shared.trainer->plan;
    const cvy_stage *stage = &plan->stages[index];
    const bool has[CVY_PARTS_OF_STAGE] = {
        [CVY_PART_FORWARD] = true,
        [CVY_PART_BACKWARD_WEIGHTS] = index >= plan->first_trainable && weights_of(stage) > 0,
        [CVY_PART_BACKWARD_DATA] = index > plan->first_trainable,
    };
    char where[256];
    bench_stage_name(shared.network, stage, where, sizeof where);
    for (cvy_part_of_stage p = CVY_PART_FORWARD; p < CVY_PARTS_OF_STAGE; p++)
        if (has[p])
            register_part(r, cvy_watch_part_of_stage(index, p), where, bench_stage_parts[p],
                          blocks_of_a_step() * CVY_LANES * cvy_stage_flop(stage),
                          blocks_of_a_step() * stage_floats(stage, p));
}

static void register_tier(registration *r, cvy_status *status) {
    const cvy_plan *plan = &shared.trainer->plan;
    const double blocks = blocks_of_a_step(), floats = (double)shared.trainer->variables.floats;
    const double image = (double)plan->input.height * plan->input.width * plan->input.channels * CVY_LANES;
    /* From bytes or floats to a block, and to images in NHWC where a stage reads those. */
    const double load =
        (shared.data.dataset->element == CVY_ELEMENT_U8 ? 0.25 : 1) + 1 + (plan->input_images == CVY_NONE ? 0 : 1);
    cvy_kernels_fill(&shared.kernels, r->tier);
    r->steps = steps_in(r->seconds, status);
    for (int i = 0; i < plan->count; i++)
        register_stage(r, i);
    register_part(r, CVY_PART_LOAD, "images", "load", 0, blocks * image * load);
    register_part(r, CVY_PART_LOSS, "loss", "loss", 0, blocks * 2 * plan->classes * CVY_LANES);
    register_part(r, CVY_PART_SUM, "gradients", "sum", 0, (blocks - 1) * 3 * floats);
    /* RMSprop reads the gradient, and reads and writes its mean square and the parameters. */
    register_part(r, CVY_PART_UPDATE, "parameters", "update", 0, 5 * floats);
}

/* A cvy_step_fn: stops the training that warms up after a quarter of a second. */
static cvy_next goes_on(size_t step, size_t steps, double seconds, const cvy_metrics *metrics, void *user) {
    (void)step;
    (void)steps;
    (void)metrics;
    (void)user;
    return seconds < 0.25 ? CVY_GO_ON : CVY_STOP;
}

/* Makes the trainer, with Keras's RMSprop, and trains for up to an epoch: weights are as in mid-training. */
static bool make(const bench_layers_options *options, cvy_status *status) {
    if (!(shared.network = cvy_network_from(options->model, status)) ||
        !bench_data_load(&shared.data, options->data, shared.network, status))
        return false;
    const size_t count = shared.data.dataset->count;
    shared.batch = options->batch < count ? options->batch : count;
    shared.at = count;
    cvy_kernels_fill(&shared.kernels, cvy_cpu_best(cvy_cpu_tiers()));
    cvy_trainer_options of_trainer = {.kernels = &shared.kernels, .threads = 1, .profile = true};
    if (!cvy_optimizer_parse("rmsprop", &of_trainer.optimizer, status) ||
        !(shared.trainer = cvy_trainer_new(shared.network, &of_trainer, status)) ||
        !(shared.order = cvy_allocate(count, sizeof *shared.order, "order", status)) ||
        !(step_seconds = cvy_allocate(count / shared.batch, sizeof *step_seconds, "times", status)))
        return false;
    train(count / shared.batch, goes_on, status);
    if (status->code == CVY_INTERRUPTED)
        *status = (cvy_status){0};
    return cvy_ok(status);
}

bool bench_register_layers(const bench_layers_options *options, cvy_status *status) {
    if (!make(options, status))
        return false;
    const int stages = shared.trainer->plan.count;
    parts = cvy_allocate((size_t)cvy_watch_parts(stages) * 2 * CVY_TIERS, sizeof *parts, "benchmarks", status);
    if (!parts)
        return false;
    overhead = measure_overhead();
    bench_context("images", shared.data.drawn ? "drawn rings" : cvy_dataset_origin(shared.data.dataset));
    registration r = {.seconds = options->seconds};
    bench_model_name(options->model, r.model, sizeof r.model);
    for (int t = 0; t < CVY_TIERS; t++)
        if (options->tiers & cvy_cpu_tiers() & 1u << t) {
            r.tier = (cvy_tier)t;
            register_tier(&r, status);
        }
    return cvy_ok(status);
}

void bench_layers_free(void) {
    free(parts);
    free(step_seconds);
    free(shared.order);
    cvy_trainer_free(shared.trainer);
    bench_data_free(&shared.data);
    cvy_network_free(shared.network);
}

void bench_stage_name(const cvy_network *network, const cvy_stage *stage, char *name, size_t size) {
    size_t used = 0;
    for (int i = stage->first_layer; i <= stage->last_layer && used < size; i++)
        used += (size_t)snprintf(name + used, size - used, "%s%s", used ? "+" : "", network->layers[i].name);
}
