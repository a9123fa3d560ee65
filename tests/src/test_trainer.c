/* The trainer: the same bits for any number of threads and on every tier, whatever the batch;
 * interruption; divergence. */
#define _GNU_SOURCE
#include "suite.h"

#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "../../kernels/cpu.h"
#include "../../src/base/random.h"
#include "../../src/convoy.h"
#include "../../src/data/order.h"
#include "../../src/machine/topology.h"
#include "../../src/train/reduce.h"
#include "../../src/train/trainer_object.h"

enum { IMAGES = 151, PIXELS = 28 * 28 };

static uint8_t images[IMAGES * PIXELS], labels[IMAGES];

/* Strokes of noise on an empty ground, so that some windows hold equal values and some none. */
static int make_images(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof images; i++) {
        cvy_random draw = cvy_random_at(11, CVY_RANDOM_INIT, 0, i);
        images[i] = draw.u[0] % 3 == 0 ? (uint8_t)draw.u[1] : 0;
    }
    for (size_t n = 0; n < IMAGES; n++)
        labels[n] = (uint8_t)(n % 10);
    return 0;
}

static cvy_dataset *dataset(void) {
    cvy_status status = {0};
    cvy_dataset *set = cvy_dataset_from_u8(images, labels, IMAGES, 28, 28, 1, &status);
    assert_non_null(set);
    return set;
}

/* Everything that a recipe may ask for, or nothing. */
static bool with_recipe;

static cvy_trainer *trainer_of(const cvy_network *network, cvy_kernels *kernels, cvy_tier tier, int threads,
                               const char *optimizer) {
    cvy_status status = {0};
    cvy_kernels_fill(kernels, tier);
    cvy_trainer_options options = {
        .kernels = kernels, .threads = threads, .seed = 9, .label_smoothing = with_recipe ? 0.1 : 0};
    assert_true(cvy_optimizer_parse(optimizer, &options.optimizer, &status));
    cvy_trainer *trainer = cvy_trainer_new(network, &options, &status);
    if (!trainer)
        fail_msg("%s: %s", status.where, status.what);
    return trainer;
}

/* What an epoch leaves behind. */
typedef struct outcome {
    float *parameters;
    size_t bytes;
    int threads;
    cvy_metrics metrics;
} outcome;

static void set_recipe(cvy_trainer *trainer, size_t batch) {
    cvy_status status = {0};
    cvy_preprocessing preprocessing;
    cvy_schedule schedule;
    assert_true(cvy_preprocessing_parse("deskew,scale=1/255,mean=0.1", &preprocessing, &status));
    assert_true(cvy_schedule_parse("cosine:warmup=0.2", &schedule, &status));
    cvy_trainer_preprocess(trainer, &preprocessing);
    cvy_trainer_set_schedule(trainer, &schedule, (IMAGES + batch - 1) / batch, 0);
    cvy_trainer_set_random_shift(trainer, 2);
}

static bool run_epoch(cvy_trainer *trainer, const cvy_dataset *set, cvy_epoch *epoch, cvy_metrics *metrics,
                      cvy_status *status) {
    const bool done = cvy_trainer_epoch(trainer, set, epoch, status);
    *metrics = epoch->metrics;
    return done;
}

static outcome train_epoch(const cvy_network *network, cvy_tier tier, int threads, size_t batch) {
    cvy_status status = {0};
    cvy_kernels kernels;
    cvy_trainer *trainer = trainer_of(network, &kernels, tier, threads,
                                      with_recipe ? "adam:weight_decay=0.1,use_ema,ema_momentum=0.9" : "rmsprop");
    if (with_recipe)
        set_recipe(trainer, batch < IMAGES ? batch : IMAGES);
    cvy_dataset *set = dataset();
    uint32_t order[IMAGES];
    outcome result = {.bytes = cvy_trainer_variables(trainer)->floats * sizeof(float)};
    cvy_order_fill(order, IMAGES, 9, 0, true);
    if (!run_epoch(trainer, set, &(cvy_epoch){.order = order, .count = IMAGES, .batch_size = batch}, &result.metrics,
                   &status))
        fail_msg("%s: %s", status.where, status.what);
    assert_int_equal(result.metrics.images, IMAGES);
    cvy_trainer_finish(trainer);
    result.threads = cvy_trainer_threads(trainer);
    result.parameters = malloc(result.bytes);
    memcpy(result.parameters, cvy_trainer_parameters(trainer), result.bytes);
    cvy_dataset_free(set);
    cvy_trainer_free(trainer);
    return result;
}

static void assert_same(const outcome *a, const outcome *b, const char *what, int with, size_t batch) {
    if (a->bytes != b->bytes || memcmp(a->parameters, b->parameters, a->bytes) != 0 ||
        memcmp(&a->metrics, &b->metrics, sizeof a->metrics) != 0)
        fail_msg("%s %d, batch %zu: not the same bits", what, with, batch);
}

static const size_t batches[] = {1, 5, 16, 17, 32, 50, 100, 151, 400};

static cvy_network *network_of(const char *name, const cvy_layer *layers, size_t count) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(name, false, &status);
    for (size_t i = 0; i < count; i++)
        if (!cvy_network_add(network, &layers[i], &status))
            fail_msg("%s: %s", status.where, status.what);
    return network;
}

static cvy_network *network_with_everything(void) {
    static const cvy_layer layers[] = {
        {.kind = CVY_LAYER_INPUT, .output = {3, 28, 28, 1}},
        {.kind = CVY_LAYER_RESCALING, .scale = 1 / 255.0},
        {.kind = CVY_LAYER_CONV2D,
         .units = 5,
         .kernel_size = {3, 3},
         .strides = {2, 2},
         .same = true,
         .use_bias = true,
         .activation = CVY_TANH},
        {.kind = CVY_LAYER_AVERAGE_POOLING2D, .kernel_size = {2, 2}, .strides = {2, 2}},
        {.kind = CVY_LAYER_DROPOUT, .rate = 0.25},
        {.kind = CVY_LAYER_CONV2D,
         .units = 4,
         .kernel_size = {3, 3},
         .strides = {1, 1},
         .use_bias = true,
         .activation = CVY_SILU},
        {.kind = CVY_LAYER_MAX_POOLING2D, .kernel_size = {3, 3}, .strides = {2, 2}},
        {.kind = CVY_LAYER_FLATTEN},
        {.kind = CVY_LAYER_DENSE, .units = 19, .use_bias = true, .activation = CVY_SIGMOID},
        {.kind = CVY_LAYER_DROPOUT, .rate = 0.5},
        {.kind = CVY_LAYER_DENSE, .units = 10, .use_bias = true, .activation = CVY_SOFTMAX},
    };
    return network_of("everything", layers, COUNT(layers));
}

/* What the one with everything has not: pooled convolutions with borders and strides, odd extents, elementwise layers
 * on either side of what they share a buffer with, one-row images, a softmax inside. */
static cvy_network *network_with_odd_extents(void) {
    static const cvy_layer layers[] = {
        {.kind = CVY_LAYER_INPUT, .output = {3, 28, 28, 1}},
        {.kind = CVY_LAYER_CONV2D,
         .units = 5,
         .kernel_size = {3, 5},
         .strides = {1, 1},
         .same = true,
         .use_bias = true,
         .activation = CVY_SILU},
        {.kind = CVY_LAYER_MAX_POOLING2D, .kernel_size = {2, 2}, .strides = {2, 2}},
        {.kind = CVY_LAYER_RESCALING, .scale = 0.5, .offset = 0.125},
        {.kind = CVY_LAYER_CONV2D,
         .units = 7,
         .kernel_size = {3, 3},
         .strides = {1, 1},
         .same = true,
         .use_bias = true,
         .activation = CVY_LINEAR},
        {.kind = CVY_LAYER_DROPOUT, .rate = 0.25},
        {.kind = CVY_LAYER_ACTIVATION, .activation = CVY_RELU},
        {.kind = CVY_LAYER_CONV2D, .units = 6, .kernel_size = {2, 3}, .strides = {2, 1}, .activation = CVY_RELU},
        {.kind = CVY_LAYER_MAX_POOLING2D, .kernel_size = {2, 2}, .strides = {2, 2}},
        {.kind = CVY_LAYER_AVERAGE_POOLING2D, .kernel_size = {3, 3}, .strides = {2, 2}, .same = true},
        {.kind = CVY_LAYER_CONV2D,
         .units = 18,
         .kernel_size = {2, 2},
         .strides = {1, 1},
         .use_bias = true,
         .activation = CVY_SOFTMAX},
        {.kind = CVY_LAYER_FLATTEN},
        {.kind = CVY_LAYER_DROPOUT, .rate = 0.125},
        {.kind = CVY_LAYER_DENSE, .units = 37, .use_bias = true, .activation = CVY_TANH},
        {.kind = CVY_LAYER_DROPOUT, .rate = 0.25},
        {.kind = CVY_LAYER_DENSE, .units = 10, .activation = CVY_SOFTMAX},
    };
    return network_of("odd_extents", layers, COUNT(layers));
}

static void same_for_any_threads(const cvy_network *network) {
    static const int threads[] = {2, 3, 5, 16};
    cvy_tier tier = cvy_cpu_best(cvy_cpu_tiers());
    for (size_t b = 0; b < COUNT(batches); b++) {
        outcome one = train_epoch(network, tier, 1, batches[b]);
        for (size_t t = 0; t < COUNT(threads); t++) {
            outcome many = train_epoch(network, tier, threads[t], batches[b]);
            assert_same(&one, &many, "threads", threads[t], batches[b]);
            free(many.parameters);
        }
        free(one.parameters);
    }
}

static void same_on_every_tier(const cvy_network *network) {
    static const size_t some[] = {17, 32, 151};
    unsigned tiers = cvy_cpu_tiers();
    for (size_t b = 0; b < COUNT(some); b++) {
        outcome scalar = train_epoch(network, CVY_TIER_scalar, 2, some[b]);
        for (int tier = CVY_TIER_scalar + 1; tier < CVY_TIERS; tier++) {
            if (!(tiers >> tier & 1))
                continue;
            outcome vector = train_epoch(network, (cvy_tier)tier, 2, some[b]);
            assert_same(&scalar, &vector, cvy_tier_name((cvy_tier)tier), 2, some[b]);
            free(vector.parameters);
        }
        free(scalar.parameters);
    }
}

static void with_each_network(void (*check)(const cvy_network *)) {
    cvy_status status = {0};
    cvy_network *networks[] = {cvy_network_builtin("lesson", &status), cvy_network_builtin("lesson-avg", &status),
                               network_with_everything(), network_with_odd_extents()};
    for (size_t n = 0; n < COUNT(networks); n++) {
        check(networks[n]);
        cvy_network_free(networks[n]);
    }
}

TEST(networks_are_the_same_for_any_threads) {
    with_each_network(same_for_any_threads);
}

TEST(networks_are_the_same_on_every_tier) {
    with_each_network(same_on_every_tier);
}

TEST(recipes_are_the_same_for_any_threads_on_every_tier) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_builtin("lesson", &status);
    with_recipe = true;
    same_for_any_threads(network);
    same_on_every_tier(network);
    with_recipe = false;
    cvy_network_free(network);
}

/* ---- Replicas --------------------------------------------------------------------------------------------------- */

/* A run of two threads with a block each updates a replica of the parameters in thread 1; no other run does. */
TEST(two_threads_with_a_block_each_have_replicas) {
    static const struct {
        int threads;
        size_t batch;
        bool replicated;
    } cases[] = {{1, 32, false}, {2, 16, false}, {2, 17, true}, {2, 32, true}, {2, 33, false}, {3, 48, false}};
    cvy_status status = {0};
    cvy_network *network = cvy_network_builtin("lesson", &status);
    cvy_dataset *set = dataset();
    uint32_t order[IMAGES];
    cvy_order_fill(order, IMAGES, 1, 0, true);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cvy_kernels kernels;
        cvy_metrics metrics;
        cvy_trainer *trainer = trainer_of(network, &kernels, CVY_TIER_scalar, cases[i].threads, "sgd");
        assert_true(run_epoch(trainer, set, &(cvy_epoch){.order = order, .count = 64, .batch_size = cases[i].batch},
                              &metrics, &status));
        const cvy_workers *workers = &trainer->workers;
        if (cvy_trainer_threads(trainer) == cvy_workers_threads(workers, cvy_blocks_of(cases[i].batch)))
            assert_int_equal(workers->count > 1 && workers->list[1].replica, cases[i].replicated);
        cvy_trainer_free(trainer);
    }
    cvy_dataset_free(set);
    cvy_network_free(network);
}

/* ---- Layouts ---------------------------------------------------------------------------------------------------- */

typedef struct forecast {
    float probabilities[IMAGES * 10];
    cvy_metrics metrics;
} forecast;

/* Predicts and evaluates `count` images from the third on; alone with data that end with the last of them. */
static forecast predict_in(const cvy_network *network, cvy_layout layout, cvy_tier tier, const void *pixels,
                           bool floats, size_t count) {
    cvy_status status = {0};
    cvy_kernels kernels;
    cvy_kernels_fill(&kernels, tier);
    cvy_trainer_options options = {
        .kernels = &kernels, .threads = 2, .seed = 9, .layout = layout, .label_smoothing = with_recipe ? 0.1 : 0};
    assert_true(cvy_optimizer_parse("sgd", &options.optimizer, &status));
    cvy_trainer *trainer = cvy_trainer_new(network, &options, &status);
    cvy_dataset *set = floats ? cvy_dataset_from_f32(pixels, labels, count + 2, 28, 28, 1, &status)
                              : cvy_dataset_from_u8(pixels, labels, count + 2, 28, 28, 1, &status);
    if (trainer && with_recipe)
        set_recipe(trainer, IMAGES);
    forecast f = {.metrics = {0}};
    bool done = trainer && set && cvy_trainer_forward(trainer, set, 2, count, f.probabilities, NULL, &status) &&
                cvy_trainer_forward(trainer, set, 2, count, NULL, &f.metrics, &status);
    if (!done)
        fail_msg("%s: %s", status.where, status.what);
    cvy_dataset_free(set);
    cvy_trainer_free(trainer);
    return f;
}

static void same_in_every_layout(const cvy_network *network) {
    static const size_t counts[] = {1, 2, 7, 8, 9, 16, 17, IMAGES - 2};
    unsigned tiers = cvy_cpu_tiers();
    for (size_t i = 0; i < COUNT(counts); i++) {
        const size_t count = counts[i], pixels = (count + 2) * PIXELS;
        float *floats = malloc(pixels * sizeof *floats); /* nothing behind them may be read */
        for (size_t p = 0; p < pixels; p++)
            floats[p] = images[p] / 64.0f - 1;
        for (int f = 0; f < 2; f++) {
            const void *data = f ? (const void *)floats : images;
            forecast expected = predict_in(network, CVY_LAYOUT_HWC16N, CVY_TIER_scalar, data, f, count);
            assert_int_equal(expected.metrics.images, count);
            for (int tier = 0; tier < CVY_TIERS; tier++)
                for (int layout = 0; layout < CVY_LAYOUTS && (tiers >> tier & 1); layout++) {
                    forecast found = predict_in(network, (cvy_layout)layout, (cvy_tier)tier, data, f, count);
                    if (memcmp(&expected, &found, sizeof found) != 0)
                        fail_msg("%zu %s images, %s, %s: not the same bits", count, f ? "float" : "uint8",
                                 cvy_layout_name((cvy_layout)layout), cvy_tier_name((cvy_tier)tier));
                }
        }
        free(floats);
    }
}

TEST(lesson_is_the_same_in_every_layout) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_builtin("lesson", &status);
    same_in_every_layout(network);
    cvy_network_free(network);
}

TEST(recipes_are_the_same_in_every_layout) {
    with_recipe = true;
    lesson_is_the_same_in_every_layout(state);
    with_recipe = false;
}

TEST(everything_is_the_same_in_every_layout) {
    cvy_network *network = network_with_everything();
    same_in_every_layout(network);
    cvy_network_free(network);
}

TEST(training_takes_hwc16n) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_builtin("lesson", &status);
    cvy_kernels kernels;
    cvy_kernels_fill(&kernels, CVY_TIER_scalar);
    cvy_trainer_options options = {.kernels = &kernels, .threads = 1, .layout = CVY_LAYOUT_NHWC};
    assert_true(cvy_optimizer_parse("sgd", &options.optimizer, &status));
    cvy_trainer *trainer = cvy_trainer_new(network, &options, &status);
    cvy_dataset *set = dataset();
    uint32_t order[2] = {0, 1};
    cvy_metrics metrics = {0};
    assert_false(cvy_trainer_step(trainer, set, order, 2, &metrics, &status));
    assert_int_equal(status.code, CVY_USAGE);
    assert_string_equal(status.where, "layout");
    cvy_dataset_free(set);
    cvy_trainer_free(trainer);
    cvy_network_free(network);
}

/* ---- Sums ------------------------------------------------------------------------------------------------------- */

/* The tree, written down as the recursion it is. */
static float tree(const float *leaves, size_t begin, size_t width, size_t count) {
    if (width == 1)
        return leaves[begin];
    float left = tree(leaves, begin, width / 2, count);
    return begin + width / 2 < count ? left + tree(leaves, begin + width / 2, width / 2, count) : left;
}

TEST(sums_follow_the_tree) {
    enum { MOST = 70 };
    float leaves[MOST];
    cvy_kernels kernels;
    cvy_kernels_fill(&kernels, CVY_TIER_scalar);
    for (size_t i = 0; i < MOST; i++)
        leaves[i] = expf(20 * cvy_random_unit(cvy_random_at(1, CVY_RANDOM_INIT, 1, i).u[0])); /* order matters */
    for (size_t count = 1; count <= MOST; count++)
        for (size_t shares = 1; shares <= 7 && shares <= count; shares++) {
            static _Alignas(64) float sums[MOST][16];
            cvy_reduction batch = {0};
            for (size_t s = 0; s < shares; s++) {
                cvy_reduction reduction = {0};
                int depth = 0;
                for (size_t i = count * s / shares; i < count * (s + 1) / shares; i++) {
                    for (int l = 0; l < 16; l++)
                        sums[i][l] = leaves[i];
                    cvy_reduction_push(&reduction, (cvy_node){0, (uint32_t)i, sums[i]}, &kernels, 0, 16);
                    depth = reduction.count > depth ? reduction.count : depth;
                }
                assert_true(depth <=
                            cvy_reduction_depth((uint32_t)(count * s / shares), (uint32_t)(count * (s + 1) / shares)));
                for (int i = 0; i < reduction.count; i++)
                    cvy_reduction_push(&batch, reduction.nodes[i], &kernels, 0, 16);
            }
            cvy_reduction_finish(&batch, &kernels, 0, 16);
            float expected = tree(leaves, 0, 128, count);
            assert_memory_equal(&expected, &batch.nodes[0].sum[3], sizeof expected);
            assert_ptr_equal(batch.nodes[0].sum, sums[0]);
        }
}

/* The processors that this thread may use, in a callback of an epoch. */
static cvy_next note_affinity(size_t step, size_t steps, double seconds, const cvy_metrics *metrics, void *user) {
    (void)step, (void)steps, (void)seconds, (void)metrics;
    cpu_set_t *set = user;
    return sched_getaffinity(0, sizeof *set, set) ? CVY_STOP : CVY_GO_ON;
}

/* A team of all cores has each thread on its own for as long as it trains, and no longer. */
TEST(threads_are_bound_while_training) {
    cvy_status status = {0};
    cvy_topology machine;
    assert_true(cvy_topology_read(&machine, &status));
    if (machine.allowed < 2 || machine.bound_by || machine.allowed > IMAGES / CVY_LANES) {
        print_message("# %d cores, placed by %s\n", machine.allowed, machine.bound_by ? machine.bound_by : "us");
        skip();
    }
    cvy_network *network = cvy_network_builtin("lesson", &status);
    cvy_kernels kernels;
    cvy_trainer *trainer = trainer_of(network, &kernels, cvy_cpu_best(cvy_cpu_tiers()), machine.allowed, "rmsprop");
    cvy_dataset *set = dataset();
    uint32_t order[IMAGES];
    cvy_order_fill(order, IMAGES, 1, 0, false);
    cvy_metrics metrics;
    cpu_set_t before, during, after;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(run_epoch(
        trainer, set,
        &(cvy_epoch){.order = order, .count = IMAGES, .batch_size = IMAGES, .on_step = note_affinity, .user = &during},
        &metrics, &status));
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
    assert_int_equal(CPU_COUNT(&during), CPU_COUNT(&before) / machine.allowed);
    assert_int_equal(cvy_trainer_threads(trainer), machine.allowed);
    cvy_dataset_free(set);
    cvy_trainer_free(trainer);
    cvy_network_free(network);
}

static cvy_next stop_at_third(size_t step, size_t steps, double seconds, const cvy_metrics *metrics, void *user) {
    (void)steps, (void)seconds, (void)metrics;
    size_t *calls = user;
    (*calls)++;
    return step < 3 ? CVY_GO_ON : CVY_STOP;
}

TEST(a_stop_leaves_the_last_whole_step) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_builtin("lesson", &status);
    cvy_kernels kernels;
    cvy_tier tier = cvy_cpu_best(cvy_cpu_tiers());
    cvy_dataset *set = dataset();
    uint32_t order[IMAGES];
    cvy_order_fill(order, IMAGES, 1, 0, false);

    /* A raised flag stops after the first step; stepping once by hand gives the same weights. */
    volatile sig_atomic_t stop = 1;
    cvy_metrics metrics, by_hand = {0};
    cvy_trainer *trainer = trainer_of(network, &kernels, tier, 2, "adam");
    assert_false(run_epoch(trainer, set, &(cvy_epoch){.order = order, .count = IMAGES, .batch_size = 32, .stop = &stop},
                           &metrics, &status));
    assert_int_equal(status.code, CVY_INTERRUPTED);
    assert_int_equal(metrics.images, 32);
    cvy_status fine = {0};
    cvy_trainer *other = trainer_of(network, &kernels, tier, 2, "adam");
    assert_true(cvy_trainer_step(other, set, order, 32, &by_hand, &fine));
    assert_memory_equal(cvy_trainer_parameters(trainer), cvy_trainer_parameters(other),
                        cvy_trainer_variables(trainer)->floats * sizeof(float));

    /* A callback that says no is obeyed, when it is asked. */
    size_t calls = 0;
    fine = (cvy_status){0};
    bool whole = run_epoch(
        other, set,
        &(cvy_epoch){.order = order, .count = IMAGES, .batch_size = 1, .on_step = stop_at_third, .user = &calls},
        &metrics, &fine);
    assert_false(whole);
    assert_int_equal(fine.code, CVY_INTERRUPTED);
    assert_true(calls >= 2); /* the first step, and one that was refused */
    cvy_trainer_free(other);
    cvy_trainer_free(trainer);
    cvy_dataset_free(set);
    cvy_network_free(network);
}

static cvy_next pause_always(size_t step, size_t steps, double seconds, const cvy_metrics *metrics, void *user) {
    (void)step, (void)steps, (void)seconds, (void)metrics, (void)user;
    return CVY_PAUSE;
}

/* An epoch with a pause behind every step, on any threads: the bits, and the metrics, of one without. */
TEST(a_paused_epoch_goes_on_where_it_was) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_builtin("lesson", &status);
    cvy_kernels kernels;
    const cvy_tier tier = cvy_cpu_best(cvy_cpu_tiers());
    cvy_dataset *set = dataset();
    uint32_t order[IMAGES];
    cvy_order_fill(order, IMAGES, 1, 0, true);
    static const size_t sizes[] = {7, 16, 32, 48};
    for (size_t b = 0; b < COUNT(sizes); b++)
        for (int threads = 1; threads <= 3; threads++) {
            cvy_trainer *whole = trainer_of(network, &kernels, tier, 1, "adam");
            cvy_trainer *paused = trainer_of(network, &kernels, tier, threads, "adam");
            cvy_epoch once = {.order = order, .count = IMAGES, .batch_size = sizes[b]}, often = once;
            assert_true(cvy_trainer_epoch(whole, set, &once, &status));
            often.on_step = pause_always;
            size_t pauses = 0;
            for (; often.step < cvy_epoch_steps(&often); pauses++)
                assert_true(cvy_trainer_epoch(paused, set, &often, &status));
            assert_int_equal(pauses, cvy_epoch_steps(&once));
            assert_true(once.metrics.loss_sum == often.metrics.loss_sum);
            assert_true(once.metrics.correct == often.metrics.correct && often.metrics.images == IMAGES);
            assert_memory_equal(cvy_trainer_parameters(whole), cvy_trainer_parameters(paused),
                                cvy_trainer_variables(whole)->floats * sizeof(float));
            cvy_trainer_free(whole);
            cvy_trainer_free(paused);
        }
    cvy_dataset_free(set);
    cvy_network_free(network);
}

typedef struct stopper {
    size_t at, last;
} stopper;

static cvy_next stop_at(size_t step, size_t steps, double seconds, const cvy_metrics *metrics, void *user) {
    (void)steps, (void)seconds, (void)metrics;
    stopper *s = user;
    s->last = step;
    return step < s->at ? CVY_GO_ON : CVY_STOP;
}

/* Whichever thread is ahead of the other when a run is stopped, both leave it after the same step: it ends, and leaves
 * that step's weights. */
static void stop_often(size_t batch, int threads) {
    enum { STOPS = 300 };
    cvy_status fine = {0};
    cvy_network *network = cvy_network_builtin("lesson", &fine);
    cvy_kernels kernels;
    cvy_tier tier = cvy_cpu_best(cvy_cpu_tiers());
    cvy_dataset *set = dataset();
    uint32_t order[IMAGES];
    cvy_order_fill(order, IMAGES, 1, 0, false);
    cvy_trainer *many = trainer_of(network, &kernels, tier, threads, "adam");
    cvy_trainer *one = trainer_of(network, &kernels, tier, 1, "adam");
    for (int i = 0; i < STOPS; i++) {
        cvy_status status = {0};
        cvy_metrics metrics;
        volatile sig_atomic_t stop = i % 2;
        stopper s = {.at = 1};
        assert_false(run_epoch(many, set,
                               &(cvy_epoch){.order = order,
                                            .count = IMAGES,
                                            .batch_size = batch,
                                            .stop = &stop,
                                            .on_step = i % 2 ? NULL : stop_at,
                                            .user = &s},
                               &metrics, &status));
        assert_int_equal(status.code, CVY_INTERRUPTED);
        assert_int_equal(metrics.images, batch);
        cvy_metrics by_hand = {0};
        assert_true(cvy_trainer_step(one, set, order, batch, &by_hand, &fine));
        assert_memory_equal(cvy_trainer_parameters(many), cvy_trainer_parameters(one),
                            cvy_trainer_variables(many)->floats * sizeof(float));
    }
    cvy_trainer_free(many);
    cvy_trainer_free(one);
    cvy_dataset_free(set);
    cvy_network_free(network);
}

TEST(every_stop_ends_the_run) {
    stop_often(32, 2);
    stop_often(48, 3);
}

TEST(divergence_goes_back_to_the_last_epoch) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_builtin("lesson", &status);
    cvy_kernels kernels;
    cvy_trainer *trainer = trainer_of(network, &kernels, cvy_cpu_best(cvy_cpu_tiers()), 2, "sgd:lr=1e30");
    cvy_dataset *set = dataset();
    uint32_t order[IMAGES];
    cvy_metrics metrics;
    size_t bytes = cvy_trainer_variables(trainer)->floats * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, cvy_trainer_parameters(trainer), bytes);
    cvy_order_fill(order, IMAGES, 1, 0, true);
    assert_false(
        run_epoch(trainer, set, &(cvy_epoch){.order = order, .count = IMAGES, .batch_size = 32}, &metrics, &status));
    assert_int_equal(status.code, CVY_DIVERGED);
    assert_non_null(strstr(status.what, "not a finite number"));
    assert_memory_equal(before, cvy_trainer_parameters(trainer), bytes);
    free(before);
    cvy_dataset_free(set);
    cvy_trainer_free(trainer);
    cvy_network_free(network);
}

TEST(wrong_data_is_refused) {
    cvy_status status = {0}, label = {0}, range = {0};
    cvy_network *network = cvy_network_builtin("lesson", &status);
    cvy_kernels kernels;
    cvy_trainer *trainer = trainer_of(network, &kernels, CVY_TIER_scalar, 1, "rmsprop");
    static const uint8_t bad_labels[2] = {3, 10};
    cvy_dataset *small = cvy_dataset_from_u8(images, labels, 2, 14, 28, 1, &status);
    cvy_dataset *wrong = cvy_dataset_from_u8(images, bad_labels, 2, 28, 28, 1, &status);
    uint32_t order[2] = {0, 1};
    cvy_metrics metrics = {0};
    assert_non_null(small);
    assert_non_null(wrong);
    assert_false(cvy_trainer_step(trainer, small, order, 2, &metrics, &status));
    assert_non_null(strstr(status.what, "14 x 28 x 1"));
    assert_false(cvy_trainer_step(trainer, wrong, order, 2, &metrics, &label));
    assert_non_null(strstr(label.what, "10"));
    assert_false(cvy_trainer_forward(trainer, wrong, 1, 2, NULL, NULL, &range));
    cvy_dataset_free(small);
    cvy_dataset_free(wrong);
    cvy_trainer_free(trainer);
    cvy_network_free(network);
}

RUN_TESTS("trainer", make_images, NULL)
