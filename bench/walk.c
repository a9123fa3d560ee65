#include "walk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/base/clock.h"
#include "../src/base/memory.h"
#include "../src/data/order.h"
#include "../src/train/batch.h"
#include "../src/train/loader.h"
#include "counters.h"
#include "memory.h"

const char *const walk_part_names[WALK_PARTS] = {"load",          "forward", "loss",  "backward_weights",
                                                 "backward_data", "sum",     "update"};

/* ---- Making one ------------------------------------------------------------------------------------------------- */

size_t walk_blocks(const walk *w) {
    return cvy_blocks_of(w->batch);
}

/* Gradients that the batch's tree holds at once. */
static size_t depth(const walk *w) {
    return (size_t)cvy_reduction_depth(0, (uint32_t)walk_blocks(w));
}

static bool check(const walk *w, cvy_status *status) {
    if (w->plan.classes == 0 || w->plan.first_trainable == w->plan.count)
        return cvy_fail(status, CVY_FAILED, w->network->name,
                        "a network that can be trained is wanted: with parameters, and a softmax at its end");
    return true;
}

static bool make(walk *w, const char *model, const char *data, cvy_status *status) {
    if (!(w->network = cvy_network_from(model, NULL, status)) ||
        !cvy_variables_layout(w->network, &w->variables, status) ||
        !cvy_plan_make(w->network, &w->variables, CVY_LAYOUT_HWC16N, &w->plan, status) || !check(w, status) ||
        !bench_data_load(&w->data, data, w->network, status))
        return false;
    if (w->batch > w->data.dataset->count)
        w->batch = w->data.dataset->count;
    size_t floats = w->variables.floats;
    cvy_optimizer_settings settings;
    if (!cvy_optimizer_parse("rmsprop", &settings, status) ||
        !cvy_optimizer_create(&w->optimizer, &settings, floats, status) ||
        !(w->parameters = cvy_allocate(floats, sizeof(float), "parameters", status)) ||
        !(w->workspace = cvy_allocate(w->plan.workspace, sizeof(float), "block workspace", status)) ||
        !(w->gradients = cvy_allocate(depth(w) * floats, sizeof(float), "gradients", status)) ||
        !(w->order = cvy_allocate(w->data.dataset->count, sizeof *w->order, "order", status)))
        return false;
    cvy_variables_initialize(&w->variables, 0, w->parameters);
    cvy_order_fill(w->order, w->data.dataset->count, 0, 0, true);
    return true;
}

bool walk_begin(walk *w, const char *model, const char *data, size_t batch, cvy_status *status) {
    *w = (walk){.batch = batch};
    if (make(w, model, data, status))
        return true;
    walk_end(w);
    return false;
}

void walk_end(walk *w) {
    free(w->order);
    free(w->gradients);
    free(w->workspace);
    free(w->parameters);
    cvy_optimizer_destroy(&w->optimizer);
    bench_data_free(&w->data);
    cvy_plan_free(&w->plan);
    cvy_variables_free(&w->variables);
    cvy_network_free(w->network);
    *w = (walk){0};
}

void walk_stage_name(const cvy_network *network, const cvy_stage *stage, char *name, size_t size) {
    size_t used = 0;
    for (int i = stage->first_layer; i <= stage->last_layer && used < size; i++)
        used += (size_t)snprintf(name + used, size - used, "%s%s", used ? "+" : "", network->layers[i].name);
}

/* ---- The stop watch --------------------------------------------------------------------------------------------- */

static void chill(const walk *w) {
    bench_chill(w->workspace, w->plan.workspace * sizeof(float));
    bench_chill(w->parameters, w->variables.floats * sizeof(float));
    bench_chill(w->gradients, depth(w) * w->variables.floats * sizeof(float));
}

static bool watched(const walk_watch *watch, walk_part part, int stage) {
    return watch && watch->part == part && watch->stage == stage;
}

static void start(const walk *w, walk_watch *watch, walk_part part, int stage) {
    if (!watched(watch, part, stage))
        return;
    if (watch->cold)
        chill(w);
    bench_counters_resume();
    watch->seconds -= cvy_clock();
}

static void stop(walk_watch *watch, walk_part part, int stage) {
    if (!watched(watch, part, stage))
        return;
    watch->seconds += cvy_clock() - watch->clock_cost;
    bench_counters_pause();
}

/* ---- A step ----------------------------------------------------------------------------------------------------- */

static const float *forward(const walk *w, const cvy_block *block, const cvy_block_random *random, walk_watch *watch) {
    const float *x = block->workspace + w->plan.input_block;
    for (int i = 0; i < w->plan.count; i++) {
        start(w, watch, WALK_FORWARD, i);
        x = cvy_block_forward_stage(block, i, x, w->parameters, random);
        stop(watch, WALK_FORWARD, i);
    }
    return x;
}

static void backward(const walk *w, const cvy_block *block, float *gradient, walk_watch *watch) {
    for (int i = w->plan.count - 1; i >= w->plan.first_trainable; i--) {
        start(w, watch, WALK_BACKWARD_WEIGHTS, i);
        cvy_block_backward_weights(block, i, gradient);
        stop(watch, WALK_BACKWARD_WEIGHTS, i);
        if (i == w->plan.first_trainable)
            break;
        start(w, watch, WALK_BACKWARD_DATA, i);
        cvy_block_backward_data(block, i, w->parameters);
        stop(watch, WALK_BACKWARD_DATA, i);
    }
}

/* Block b of the batch order[0 .. images); its gradient goes to `gradient`. */
static void walk_block(const walk *w, const cvy_kernels *kernels, const uint32_t *order, size_t images, size_t b,
                       float *gradient, walk_watch *watch) {
    const uint32_t *index = order + b * CVY_LANES;
    size_t left = images - b * CVY_LANES;
    cvy_block block = {&w->plan, kernels, w->workspace, left < CVY_LANES ? (int)left : CVY_LANES};
    cvy_block_random random = {0, (uint32_t)w->optimizer.step, (uint32_t)(b * CVY_LANES)};

    start(w, watch, WALK_LOAD, 0);
    cvy_loader_load(&(cvy_loader){.plain = true}, &block, w->data.dataset, index, NULL, true, NULL);
    if (left > CVY_LANES)
        cvy_batch_prefetch(w->data.dataset, index + CVY_LANES,
                           left - CVY_LANES < CVY_LANES ? left - CVY_LANES : CVY_LANES);
    stop(watch, WALK_LOAD, 0);
    const float *logits = forward(w, &block, &random, watch);
    start(w, watch, WALK_LOSS, 0);
    cvy_batch_loss(&block, w->data.dataset, index, logits, 0, 1.0f / (float)images);
    stop(watch, WALK_LOSS, 0);
    backward(w, &block, gradient, watch);
}

/* The images of the coming step; a new epoch begins where the last one ends. */
static const uint32_t *next_batch(walk *w) {
    size_t count = w->data.dataset->count;
    if (w->at + w->batch > count) {
        cvy_order_fill(w->order, count, 0, ++w->epoch, true);
        w->at = 0;
    }
    const uint32_t *order = w->order + w->at;
    w->at += w->batch;
    return order;
}

void walk_step(walk *w, const cvy_kernels *kernels, walk_watch *watch) {
    const uint32_t *order = next_batch(w);
    size_t floats = w->variables.floats;
    cvy_reduction reduction = {0};
    if (watch)
        watch->seconds = 0;
    cvy_optimizer_begin(&w->optimizer, w->optimizer.settings.learning_rate);
    for (size_t b = 0; b < walk_blocks(w); b++) {
        cvy_node node = {0, (uint32_t)b, w->gradients + (size_t)reduction.count * floats};
        walk_block(w, kernels, order, w->batch, b, node.sum, watch);
        start(w, watch, WALK_SUM, 0);
        cvy_reduction_push(&reduction, node, kernels, 0, floats);
        stop(watch, WALK_SUM, 0);
    }
    start(w, watch, WALK_UPDATE, 0);
    cvy_reduction_finish(&reduction, kernels, 0, floats);
    cvy_optimizer_update(&w->optimizer, kernels, 0, floats, reduction.nodes[0].sum, w->parameters);
    stop(watch, WALK_UPDATE, 0);
}
