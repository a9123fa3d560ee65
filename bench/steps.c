#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../src/base/clock.h"
#include "../src/base/memory.h"
#include "../src/model/network.h"
#include "data.h"
#include "harness.h"
#include "machine.h"
#include "names.h"

static const bench_steps_options *options;
static bench_data train;

/* A model on some number of threads, made when a benchmark first needs it. */
typedef struct subject {
    int threads;
    cvy_model *model;
} subject;

enum { MOST = 16 };
static subject subjects[MOST];

static bool on_epoch(const cvy_progress *now, void *user) {
    *(double *)user = now->seconds;
    return true;
}

/* Processor time of the calling thread, in seconds. */
static double thread_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Trains for an epoch and returns its seconds. A single thread is the calling one; its processor time does not contain
 * the time that other programs take. */
static double epoch(subject *s, cvy_status *status) {
    double seconds = 0, begun = thread_clock();
    cvy_fit_options fit = {.epochs = 1, .batch_size = options->batch, .on_epoch = on_epoch, .user = &seconds};
    cvy_fit(s->model, train.dataset, &fit, status);
    return s->threads == 1 ? thread_clock() - begun : seconds;
}

/* Makes the model and trains it for an epoch, so that weights and threads are those in the midst of training. */
static bool ready(bench_state *state, subject *s) {
    cvy_status status = {0};
    bench_unpin();
    if (!s->model) {
        s->model = cvy_model_from(options->model, &status);
        cvy_compile(s->model, &(cvy_compile_options){.threads = s->threads, .isa = options->isa}, &status);
        epoch(s, &status);
    }
    if (!cvy_ok(&status))
        bench_fail(state, status.what);
    return cvy_ok(&status);
}

static void run_steps(bench_state *state, void *argument) {
    subject *s = argument;
    cvy_status status = {0};
    size_t images = cvy_dataset_count(train.dataset), batch = (size_t)options->batch;
    size_t steps = (images + batch - 1) / batch;
    bool works = ready(state, s);
    while (bench_more(state) && works) {
        bench_seconds(state, epoch(s, &status) / (double)steps);
        if (!cvy_ok(&status))
            bench_fail(state, status.what);
    }
    bench_count(state, "steps", (double)steps);
    bench_count(state, "images", (double)images);
    bench_count(state, "threads", works ? cvy_threads(s->model) : 0);
    bench_pin();
}

static void run_evaluation(bench_state *state, void *argument) {
    subject *s = argument;
    cvy_status status = {0};
    bool works = ready(state, s);
    while (bench_more(state) && works) {
        double begun = cvy_clock();
        cvy_evaluate(s->model, train.dataset, &status);
        bench_seconds(state, cvy_clock() - begun);
        if (!cvy_ok(&status))
            bench_fail(state, status.what);
    }
    bench_count(state, "images", (double)cvy_dataset_count(train.dataset));
    bench_pin();
}

static void run_prediction(bench_state *state, void *argument) {
    subject *s = argument;
    cvy_status status = {0};
    float probabilities[256];
    bool works = ready(state, s);
    size_t count = cvy_dataset_count(train.dataset), at = 0;
    bench_pin();
    while (bench_more(state) && works) {
        cvy_predict(s->model, train.dataset, at, 1, probabilities, &status);
        at = at + 1 < count ? at + 1 : 0;
    }
    if (!cvy_ok(&status))
        bench_fail(state, status.what);
}

static void register_threads(subject *s, const char *model) {
    char name[256];
    snprintf(name, sizeof name, "step/%s/batch:%d/threads:%d", model, options->batch, s->threads);
    bench_register(name, run_steps, s, (bench_settings){.own_clock = true, .iterations = 1});
    snprintf(name, sizeof name, "evaluate/%s/threads:%d", model, s->threads);
    bench_register(name, run_evaluation, s, (bench_settings){.own_clock = true, .iterations = 1});
}

bool bench_register_steps(const bench_steps_options *given, cvy_status *status) {
    options = given;
    cvy_network *network = cvy_network_from(options->model, status);
    bool loaded = network && bench_data_load(&train, options->data, network, status);
    int classes = loaded ? network->layers[network->count - 1].output.channels : 0;
    cvy_network_free(network);
    if (!loaded)
        return false;
    char model[64], name[256];
    bench_model_name(options->model, model, sizeof model);
    for (int i = 0; i < MOST && options->threads[i]; i++) {
        subjects[i].threads = options->threads[i];
        register_threads(&subjects[i], model);
    }
    snprintf(name, sizeof name, "predict/%s/1_image", model);
    if (classes <= 256)
        bench_register(name, run_prediction, &subjects[0], (bench_settings){0});
    return true;
}

void bench_steps_free(void) {
    for (int i = 0; i < MOST; i++)
        cvy_model_free(subjects[i].model);
    bench_data_free(&train);
}
