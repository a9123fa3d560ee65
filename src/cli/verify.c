/* convoy verify: trains on the batches of a recorded run of Keras and compares the results.
 *
 * The reference is Keras in float64. Each result may differ from it by LEAST, or by SLACK times the largest difference
 * of Keras's own float32 run up to that step or stage. */
#include "../../kernels/cpu.h"
#include "../base/memory.h"
#include "../machine/tier.h"
#include "../train/trainer.h"
#include "cli.h"
#include "golden.h"
#include "options.h"
#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST = 1e-5, SLACK = 10;

typedef struct verify_options {
    const char *golden, *model, *data, *log, *optimizer, *isa;
    int threads;
} verify_options;

/* A row of the result: of all compared values of a kind, the one with the largest difference relative to its limit. */
typedef struct finding {
    char what[64], where[2 * CVY_NAME_MAX + 16];
    double difference, limit, keras;
} finding;

enum { LOSS, GRADIENTS, PROBABILITIES, FORWARD, PREDICTIONS, WEIGHTS, FINDINGS = WEIGHTS + GOLDEN_STAGES_MAX };

typedef struct verification {
    verify_options options;
    cvy_network *network;
    cvy_kernels kernels;
    cvy_tier tier;
    cvy_optimizer_settings optimizer;
    cvy_trainer *trainer;
    cvy_dataset *dataset;
    golden golden;
    FILE *log;
    double *keras_weights; /* [variables]: the largest difference of Keras's float32 run so far */
    finding findings[FINDINGS];
} verification;

static bool parse(verify_options *o, int argc, char **argv, cvy_status *status) {
    cli_option options[] = {
        cli_option_for(cli_option_model, &o->model),
        cli_option_for(cli_option_data, &o->data),
        {"log", "FILE.csv", "write step, loss, golden loss and relative difference", CLI_TEXT, .value = &o->log},
        cli_option_for(cli_option_optimizer, &o->optimizer),
        cli_option_for(cli_option_threads, &o->threads),
        cli_option_for(cli_option_isa, &o->isa),
    };
    cli_syntax syntax = {
        .usage = "verify GOLDEN.safetensors [OPTION]...",
        .about = "Trains on the batches of a recorded run of Keras and compares losses, first gradients,\n"
                 "weights and probabilities with Keras's in float64. Differences are relative to the loss, or\n"
                 "to the largest value of the tensor. Allowed are 1e-5, or ten times the largest difference\n"
                 "of Keras's own float32 run so far. The exit code is 0 if no difference is larger.",
        .examples = "convoy verify tests/golden/lesson_20_b32.safetensors --model tests/golden/lesson_20.json",
        .options = options,
        .count = sizeof options / sizeof options[0],
        .operands = {{"GOLDEN.safetensors", &o->golden}},
    };
    return cli_parse(&syntax, argc, argv, status);
}

/* ---- Findings --------------------------------------------------------------------------------------------------- */

static void judge(finding *f, double difference, double keras, const char *where) {
    double limit = fmax(LEAST, SLACK * keras);
    if (*f->where && difference / limit <= f->difference / f->limit)
        return;
    f->difference = difference;
    f->limit = limit;
    f->keras = keras;
    snprintf(f->where, sizeof f->where, "%s", where);
}

static bool beyond(const finding *f) {
    return !(f->difference <= f->limit);
}

static void print_findings(const verification *v) {
    printf("%-34s%-12s%-12s%-12s%s\n", "worst relative difference", "Convoy", "allowed", "Keras f32", "at");
    for (int i = 0; i < FINDINGS; i++) {
        const finding *f = &v->findings[i];
        if (*f->where)
            printf("%-34s%-12.2e%-12.2e%-12.2e%s%s\n", f->what, f->difference, f->limit, f->keras, f->where,
                   beyond(f) ? "  BEYOND" : "");
    }
}

static bool conclude(const verification *v, cvy_status *status) {
    for (int i = 0; i < FINDINGS; i++) {
        const finding *f = &v->findings[i];
        if (*f->where && beyond(f))
            return cvy_fail(status, CVY_FAILED, v->options.golden, "%s differ by %.2e (%s), allowed are %.2e", f->what,
                            f->difference, f->where, f->limit);
    }
    puts("all within what is allowed");
    return true;
}

/* ---- Tensors of the trainer ------------------------------------------------------------------------------------- */

static cvy_tensor view(const cvy_variable *variable, const float *flat) {
    cvy_tensor tensor = {
        .name = variable->path, .dtype = CVY_F32, .rank = variable->rank, .data = flat + variable->offset};
    memcpy(tensor.shape, variable->shape, sizeof tensor.shape);
    return tensor;
}

static void set_variable(verification *v, const cvy_variable *variable, const cvy_tensor *tensor) {
    float *parameters = cvy_trainer_parameters(v->trainer) + variable->offset;
    for (size_t i = 0; i < variable->count; i++)
        parameters[i] = (float)golden_element(tensor, i);
}

static void compare_gradients(verification *v) {
    const cvy_variables *variables = cvy_trainer_variables(v->trainer);
    for (int i = 0; i < variables->count; i++) {
        const cvy_variable *variable = &variables->list[i];
        cvy_tensor own = view(variable, cvy_trainer_gradient(v->trainer));
        const cvy_tensor *truth = golden_gradient(&v->golden, variable, true);
        double keras = golden_difference(golden_gradient(&v->golden, variable, false), truth);
        judge(&v->findings[GRADIENTS], golden_difference(&own, truth), keras, variable->path);
    }
}

static void compare_weights(verification *v, int stage) {
    const cvy_variables *variables = cvy_trainer_variables(v->trainer);
    for (int i = 0; i < variables->count; i++) {
        const cvy_variable *variable = &variables->list[i];
        cvy_tensor own = view(variable, cvy_trainer_parameters(v->trainer));
        const cvy_tensor *truth = golden_weights(&v->golden, stage, variable, true);
        double keras = golden_difference(golden_weights(&v->golden, stage, variable, false), truth);
        v->keras_weights[i] = fmax(v->keras_weights[i], keras);
        judge(&v->findings[WEIGHTS + stage], golden_difference(&own, truth), v->keras_weights[i], variable->path);
    }
}

/* ---- Probabilities ---------------------------------------------------------------------------------------------- */

/* The softmax of the data set's first images, a tensor of the shape of `like`. The caller frees its data, which is NULL
 * on an error. */
static cvy_tensor forward(verification *v, const cvy_dataset *dataset, const cvy_tensor *like, cvy_status *status) {
    cvy_tensor result = {.dtype = CVY_F32, .rank = 2, .shape = {like->shape[0], like->shape[1]}};
    float *probabilities =
        cvy_allocate(like->shape[0] * like->shape[1], sizeof *probabilities, "probabilities", status);
    if (probabilities && !cvy_trainer_forward(v->trainer, dataset, 0, like->shape[0], probabilities, NULL, status)) {
        free(probabilities);
        probabilities = NULL;
    }
    result.data = probabilities;
    return result;
}

/* A data set of the first batch's images. The caller frees it, *images and *labels. */
static cvy_dataset *first_batch(const verification *v, uint8_t **images, uint8_t **labels, cvy_status *status) {
    const cvy_dataset *all = v->dataset;
    size_t image = cvy_dataset_image_bytes(all), count = v->golden.batch;
    *images = cvy_allocate(count, image, "the first batch", status);
    *labels = cvy_allocate(count, 1, "the first batch", status);
    for (size_t i = 0; cvy_ok(status) && i < count; i++) {
        size_t from = (size_t)v->golden.batches[i];
        memcpy(*images + i * image, (const uint8_t *)all->images + from * image, image);
        (*labels)[i] = all->labels[from];
    }
    return cvy_ok(status)
               ? cvy_dataset_over(all->element, *images, *labels, count, all->height, all->width, all->channels, status)
               : NULL;
}

static bool compare_probabilities(verification *v, cvy_status *status) {
    uint8_t *images = NULL, *labels = NULL;
    cvy_dataset *batch = first_batch(v, &images, &labels, status);
    if (batch) {
        cvy_tensor own = forward(v, batch, v->golden.probabilities, status);
        double keras = golden_difference(v->golden.probabilities, v->golden.probabilities_f64);
        if (own.data)
            judge(&v->findings[PROBABILITIES], golden_difference(&own, v->golden.probabilities_f64), keras,
                  "first batch");
        free((void *)own.data);
    }
    cvy_dataset_free(batch);
    free(images);
    free(labels);
    return cvy_ok(status);
}

/* The same with Keras's last weights, those of float32 or those of float64 rounded to it. They replace our own. */
static cvy_tensor forward_golden(verification *v, bool f64, cvy_status *status) {
    const cvy_variables *variables = cvy_trainer_variables(v->trainer);
    for (int i = 0; i < variables->count; i++)
        set_variable(v, &variables->list[i],
                     golden_weights(&v->golden, v->golden.stages - 1, &variables->list[i], f64));
    return forward(v, v->dataset, v->golden.predictions, status);
}

/* Keras's predictions are recorded in float32 only. FORWARD compares ours with them, computed with Keras's weights.
 * PREDICTIONS compares those of our weights with those of Keras's float64 weights, as it does Keras's own. */
static bool compare_predictions(verification *v, cvy_status *status) {
    const cvy_tensor *keras = v->golden.predictions;
    cvy_tensor own = forward(v, v->dataset, keras, status);
    cvy_tensor truth = forward_golden(v, true, status), same = forward_golden(v, false, status);
    if (cvy_ok(status)) {
        char where[64];
        snprintf(where, sizeof where, "first %zu images", keras->shape[0]);
        judge(&v->findings[FORWARD], golden_difference(&same, keras), v->findings[PROBABILITIES].keras, where);
        judge(&v->findings[PREDICTIONS], golden_difference(&own, &truth), golden_difference(keras, &truth), where);
    }
    free((void *)own.data);
    free((void *)truth.data);
    free((void *)same.data);
    return cvy_ok(status);
}

/* ---- The run ---------------------------------------------------------------------------------------------------- */

static double relative(double value, double truth) {
    double apart = fabs(value - truth);
    return isfinite(apart) ? (apart > 0 ? apart / fabs(truth) : 0) : INFINITY;
}

static bool log_line(const verification *v, cvy_status *status) {
    return (!ferror(v->log) && !fflush(v->log)) || cvy_fail_errno(status, v->options.log, "cannot write");
}

static bool open_log(verification *v, cvy_status *status) {
    v->log = fopen(v->options.log, "w");
    if (!v->log)
        return cvy_fail_errno(status, v->options.log, "cannot create");
    fputs("step,loss,golden_loss,relative_difference\n", v->log);
    return log_line(v, status);
}

/* One step on its recorded batch. *keras is the largest difference of the loss of Keras's float32 run so far. */
static bool run_step(verification *v, size_t step, double *keras, cvy_status *status) {
    const golden *g = &v->golden;
    cvy_metrics metrics = {0};
    if (!cvy_trainer_step(v->trainer, v->dataset, (const uint32_t *)g->batches + step * g->batch, g->batch, &metrics,
                          status))
        return false;
    double loss = metrics.loss_sum / (double)metrics.images, truth = g->loss_f64[step];
    *keras = fmax(*keras, relative(g->loss_f32[step], truth));
    char where[32];
    snprintf(where, sizeof where, "step %zu", step);
    judge(&v->findings[LOSS], relative(loss, truth), *keras, where);
    if (v->log)
        fprintf(v->log, "%zu,%.9g,%.17g,%.3e\n", step, loss, truth, relative(loss, truth));
    return true;
}

static bool run_steps(verification *v, cvy_status *status) {
    double keras = 0;
    for (size_t step = 0, stage = 0; step < v->golden.steps; step++) {
        if (!run_step(v, step, &keras, status))
            return false;
        if (step == 0)
            compare_gradients(v);
        if (step + 1 == v->golden.stage[stage])
            compare_weights(v, (int)stage++);
    }
    return !v->log || log_line(v, status);
}

static void name_findings(verification *v) {
    static const char *const names[WEIGHTS] = {
        [LOSS] = "losses",
        [GRADIENTS] = "first gradients",
        [PROBABILITIES] = "probabilities before training",
        [FORWARD] = "predictions, Keras's weights",
        [PREDICTIONS] = "predictions, own weights",
    };
    for (int i = 0; i < WEIGHTS; i++)
        snprintf(v->findings[i].what, sizeof v->findings[i].what, "%s", names[i]);
    for (int s = 0; s < v->golden.stages; s++)
        snprintf(v->findings[WEIGHTS + s].what, sizeof v->findings[0].what, "weights after %zu step%s",
                 v->golden.stage[s], v->golden.stage[s] == 1 ? "" : "s");
}

/* Whether the data set has all images of the recorded run. */
static bool check_images(const verification *v, cvy_status *status) {
    const golden *g = &v->golden;
    const char *path = v->options.golden;
    size_t count = v->dataset->count;
    for (size_t i = 0; i < g->steps * g->batch; i++)
        if (g->batches[i] < 0 || (size_t)g->batches[i] >= count)
            return cvy_fail(status, CVY_FAILED, path, "step %zu wants image %d, %s has %zu", i / g->batch,
                            g->batches[i], v->dataset->origin, count);
    if (g->predictions->shape[0] > count)
        return cvy_fail(status, CVY_FAILED, path, "predictions of %zu images, %s has %zu", g->predictions->shape[0],
                        v->dataset->origin, count);
    return true;
}

static bool prepare(verification *v, cvy_status *status) {
    const verify_options *o = &v->options;
    const char *why, *model = cvy_network_is_builtin(o->model) ? NULL : o->model;
    const cli_file log = {"--log", o->log};
    if (!cli_check_distinct(log, (cli_file){"GOLDEN.safetensors", o->golden}, status) ||
        !cli_check_distinct(log, (cli_file){"--model", model}, status) ||
        !cli_check_distinct(log, (cli_file){"standard output", "/proc/self/fd/1"}, status))
        return false;
    if (!cvy_optimizer_parse(o->optimizer, &v->optimizer, status) || !cvy_tier_choose(o->isa, &v->tier, &why, status))
        return false;
    v->network = cvy_network_from(o->model, status);
    if (!v->network)
        return false;
    cvy_kernels_fill(&v->kernels, v->tier);
    v->trainer = cvy_trainer_new(
        v->network, &(cvy_trainer_options){.kernels = &v->kernels, .optimizer = v->optimizer, .threads = o->threads},
        status);
    if (!v->trainer)
        return false;
    const cvy_variables *variables = cvy_trainer_variables(v->trainer);
    v->keras_weights = cvy_allocate((size_t)variables->count, sizeof *v->keras_weights, "deviations", status);
    if (!v->keras_weights || !golden_open(&v->golden, o->golden, variables, cvy_trainer_classes(v->trainer), status))
        return false;
    v->dataset = cvy_dataset_load(o->data, CVY_TRAIN, status);
    if (!v->dataset || !check_images(v, status))
        return false;
    for (int i = 0; i < variables->count; i++)
        set_variable(v, &variables->list[i], golden_initial(&v->golden, &variables->list[i]));
    name_findings(v);
    return !o->log || open_log(v, status);
}

static void verify(verification *v, cvy_status *status) {
    if (!compare_probabilities(v, status) || !run_steps(v, status))
        return;
    int threads = cvy_trainer_threads(v->trainer);
    if (!compare_predictions(v, status))
        return;
    printf("%zu steps of %zu images, %s, %s, %d thread%s\n", v->golden.steps, v->golden.batch,
           cvy_optimizer_name(v->optimizer.kind), cvy_tier_name(v->tier), threads, threads == 1 ? "" : "s");
    print_findings(v);
    conclude(v, status);
}

static void run(int argc, char **argv, cvy_status *status) {
    verification v = {.options = {.model = "lesson", .optimizer = "rmsprop"}};
    if (!parse(&v.options, argc, argv, status))
        return;
    if (prepare(&v, status))
        verify(&v, status);
    if (v.log && fclose(v.log))
        cvy_fail_errno(status, v.options.log, "cannot write");
    free(v.keras_weights);
    golden_close(&v.golden);
    cvy_dataset_free(v.dataset);
    cvy_trainer_free(v.trainer);
    cvy_network_free(v.network);
}

const cli_command cli_verify = {"verify", "train on the batches of a recorded run of Keras and compare", run};
