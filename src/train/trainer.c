#include "trainer_object.h"

#include <stdlib.h>

#include "../base/memory.h"

static bool check_network(const cvy_trainer *trainer, cvy_status *status) {
    const cvy_layer *last = &trainer->network->layers[trainer->network->count - 1];
    if (trainer->plan.classes == 0)
        return cvy_fail(status, CVY_FAILED, last->name,
                        "the network must end in a softmax over a vector for categorical cross-entropy");
    if (trainer->plan.first_trainable == trainer->plan.count)
        return cvy_fail(status, CVY_FAILED, trainer->network->name,
                        "no layer has parameters: there is nothing to train");
    return true;
}

static bool make(cvy_trainer *trainer, const cvy_trainer_options *options, cvy_status *status) {
    if (!cvy_variables_layout(trainer->network, &trainer->variables, status) ||
        !cvy_plan_make(trainer->network, &trainer->variables, CVY_LAYOUT_HWC16N, &trainer->plan, status) ||
        !cvy_plan_make(trainer->network, &trainer->variables, CVY_LAYOUT_NHWC, &trainer->plan_nhwc, status) ||
        !check_network(trainer, status))
        return false;
    size_t floats = trainer->variables.floats;
    trainer->parameters = cvy_allocate(floats, sizeof(float), "parameters", status);
    if (!trainer->parameters || !cvy_optimizer_create(&trainer->optimizer, &options->optimizer, floats, status))
        return false;
    for (int i = 0; i < 1 + cvy_optimizer_slots(&options->optimizer); i++)
        if (!(trainer->saved[i] = cvy_allocate(floats, sizeof(float), "parameters", status)))
            return false;
    cvy_variables_initialize(&trainer->variables, options->seed, trainer->parameters);
    return true;
}

cvy_trainer *cvy_trainer_new(const cvy_network *network, const cvy_trainer_options *options, cvy_status *status) {
    cvy_trainer *trainer = cvy_allocate(1, sizeof *trainer, "trainer", status);
    if (!trainer)
        return NULL;
    trainer->network = network;
    trainer->kernels = options->kernels;
    trainer->seed = options->seed;
    trainer->label_smoothing = (float)options->label_smoothing;
    trainer->layout = options->layout;
    trainer->profile.wanted = options->profile;
    trainer->preprocessing = cvy_preprocessing_none;
    if (!cvy_workers_create(&trainer->workers, options->threads, status) || !make(trainer, options, status)) {
        cvy_trainer_free(trainer);
        return NULL;
    }
    trainer->threads = cvy_workers_threads(&trainer->workers, 2); /* a batch of 32 is two blocks */
    return trainer;
}

void cvy_trainer_free(cvy_trainer *trainer) {
    if (!trainer)
        return;
    cvy_workers_destroy(&trainer->workers);
    for (int i = 0; i < 1 + CVY_OPTIMIZER_SLOTS; i++)
        free(trainer->saved[i]);
    cvy_optimizer_destroy(&trainer->optimizer);
    free(trainer->parameters);
    cvy_plan_free(&trainer->plan);
    cvy_plan_free(&trainer->plan_nhwc);
    cvy_variables_free(&trainer->variables);
    free(trainer);
}

const cvy_variables *cvy_trainer_variables(const cvy_trainer *trainer) {
    return &trainer->variables;
}

float *cvy_trainer_parameters(cvy_trainer *trainer) {
    return trainer->parameters;
}

cvy_optimizer *cvy_trainer_optimizer(cvy_trainer *trainer) {
    return &trainer->optimizer;
}

const float *cvy_trainer_gradient(const cvy_trainer *trainer) {
    return trainer->gradient;
}

int cvy_trainer_threads(const cvy_trainer *trainer) {
    return trainer->threads;
}

int cvy_trainer_classes(const cvy_trainer *trainer) {
    return trainer->plan.classes;
}

void cvy_trainer_preprocess(cvy_trainer *trainer, const cvy_preprocessing *preprocessing) {
    trainer->preprocessing = *preprocessing;
}

void cvy_trainer_set_schedule(cvy_trainer *trainer, const cvy_schedule *schedule, uint64_t steps, uint64_t done) {
    trainer->schedule = *schedule;
    trainer->schedule_steps = steps;
    trainer->schedule_begun = trainer->optimizer.step - done;
}

void cvy_trainer_set_random_shift(cvy_trainer *trainer, int pixels) {
    trainer->random_shift = pixels;
}

void cvy_trainer_watch(cvy_trainer *trainer, cvy_watch_hook *hook, void *user) {
    trainer->profile.hook = hook;
    trainer->profile.user = user;
}

void cvy_trainer_finish(cvy_trainer *trainer) {
    cvy_optimizer_finish(&trainer->optimizer, trainer->variables.floats, trainer->parameters);
}

int cvy_trainer_threads_refused(const cvy_trainer *trainer) {
    return trainer->workers.refused;
}

const char *cvy_trainer_threads_text(cvy_trainer *trainer, size_t batch_size, char text[static 256]) {
    return cvy_workers_text(&trainer->workers, batch_size, text);
}

bool cvy_trainer_load(cvy_trainer *trainer, const cvy_plan *plan, const cvy_dataset *dataset, int shift, bool labels,
                      cvy_status *status) {
    return cvy_loader_make(&trainer->preprocessing, dataset, &plan->input, shift, &trainer->loader, status) &&
           (!labels || cvy_dataset_check_labels(dataset, plan->classes, status));
}

void cvy_trainer_add_results(const cvy_trainer *trainer, int threads, size_t images, size_t slot,
                             cvy_metrics *metrics) {
    for (int t = 0; t < threads; t++) {
        const cvy_block_result *results = trainer->workers.list[t].results + slot;
        size_t begin, end;
        cvy_share_of(cvy_blocks_of(images), t, threads, &begin, &end);
        for (size_t i = 0; i < end - begin; i++) {
            metrics->loss_sum += results[i].loss;
            metrics->correct += results[i].correct;
        }
    }
    metrics->images += images;
}
