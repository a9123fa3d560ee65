/* The public API: preprocessing, compiling, and what a compiled model is. */
#include "../base/float_environment.h"
#include "../base/text.h"
#include "../machine/tier.h"
#include "model.h"

#include <math.h>
#include <string.h>

void cvy_preprocess(cvy_model *model, const char *preprocessing, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_preprocessing parsed;
    if (!cvy_may(model, CVY_IN_FIT, status) ||
        !cvy_preprocessing_parse(preprocessing ? preprocessing : "", &parsed, status))
        return;
    model->preprocessing = parsed;
    if (model->trainer)
        cvy_trainer_preprocess(model->trainer, &model->preprocessing);
}

char *cvy_preprocessing_of(const cvy_model *model, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(model, "model", status))
        return NULL;
    char text[CVY_PREPROCESSING_MAX], *copy;
    cvy_preprocessing_text(&model->preprocessing, text);
    if (!(copy = strdup(text)))
        cvy_fail_memory(status, "preprocessing", strlen(text) + 1);
    return copy;
}

/* The parts that options leave to the model's compile_config, if it has one. */
static unsigned described_parts(const cvy_model *model, const cvy_compile_options *options) {
    unsigned parts = 0;
    if (model->compile_config && !options->optimizer)
        parts |= CVY_COMPILE_OPTIMIZER | (options->learning_rate > 0 ? 0 : CVY_COMPILE_LEARNING_RATE);
    if (model->compile_config && !options->loss)
        parts |= CVY_COMPILE_LOSS;
    return parts;
}

/* The model's settings: the options; where they are zero, those of `described` parts of its compile_config; else
 * Keras's defaults. */
static bool read_settings(const cvy_model *model, const cvy_compile_options *options, unsigned described,
                          cvy_compile_settings *settings, cvy_status *status) {
    const double smoothing = options->label_smoothing, rate = options->learning_rate;
    if (options->loss && !cvy_loss_from_name(options->loss, &settings->sparse))
        return cvy_fail(status, CVY_USAGE, "loss", "\"%s\" is not known; expected %s", options->loss,
                        cvy_loss_choices.list);
    if (!(smoothing >= 0 && smoothing <= 1))
        return cvy_fail(status, CVY_USAGE, "label_smoothing", "%g is not a number from 0 to 1", smoothing);
    if (!(rate >= 0 && isfinite(rate)))
        return cvy_fail(status, CVY_USAGE, "learning_rate", "%g is not a positive number", rate);
    if (!cvy_optimizer_parse(options->optimizer ? options->optimizer : "rmsprop", &settings->optimizer, status))
        return false;
    cvy_refusals refusals = {0};
    cvy_compile_config_read(model->compile_config, described, settings, &refusals);
    if (smoothing > 0)
        settings->label_smoothing = smoothing;
    if (rate > 0)
        settings->optimizer.learning_rate = rate;
    return cvy_refusals_report(&refusals, model->origin, status);
}

/* The rest of the options, which change no result. */
static bool read_options(const cvy_compile_options *options, cvy_trainer_options *trainer, cvy_tier *tier,
                         cvy_status *status) {
    const char *why;
    if (options->threads < 0)
        return cvy_fail(status, CVY_USAGE, "threads", "%d is less than 0", options->threads);
    if (options->layout && !cvy_layout_from_name(options->layout, &trainer->layout))
        return cvy_fail(status, CVY_USAGE, "layout", "\"%s\" is not known; expected auto, hwc16n or nhwc",
                        options->layout);
    trainer->threads = options->threads;
    trainer->profile = options->profile;
    trainer->seed = options->seed;
    return cvy_tier_choose(options->isa, tier, &why, status);
}

void cvy_compile(cvy_model *model, const cvy_compile_options *options, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_may(model, CVY_IDLE, status))
        return;
    if (model->network->count < 2) {
        cvy_fail(status, CVY_FAILED, model->network->name, "the model has no layers yet");
        return;
    }
    options = options ? options : &(cvy_compile_options){0};
    const unsigned described = described_parts(model, options);
    cvy_compile_settings settings = {0};
    cvy_trainer_options chosen = {.kernels = &model->kernels, .layout = CVY_LAYOUT_AUTO};
    cvy_tier tier;
    if (!read_settings(model, options, described, &settings, status) || !read_options(options, &chosen, &tier, status))
        return;
    chosen.optimizer = settings.optimizer;
    chosen.label_smoothing = settings.label_smoothing;
    cvy_kernels_fill(&model->kernels, tier);
    model->isa = cvy_tier_name(tier);
    model->compiled = settings;
    model->described = described;
    model->seed = chosen.seed;
    model->epochs_done = 0;
    cvy_trainer_free(model->trainer);
    const cvy_float_environment before = cvy_float_enter();
    model->trainer = cvy_trainer_new(model->network, &chosen, status);
    cvy_float_leave(before);
    if (model->trainer)
        cvy_trainer_preprocess(model->trainer, &model->preprocessing);
}

int cvy_classes(const cvy_model *model) {
    return model && model->trainer ? cvy_trainer_classes(model->trainer) : 0;
}

int cvy_threads(const cvy_model *model) {
    return model && model->trainer ? cvy_trainer_threads(model->trainer) : 0;
}

const char *cvy_threads_text(cvy_model *model, int batch_size) {
    if (!model || !model->trainer)
        return NULL;
    return cvy_trainer_threads_text(model->trainer, batch_size > 0 ? (size_t)batch_size : 32, model->threads_text);
}

int cvy_threads_refused(const cvy_model *model) {
    return model && model->trainer ? cvy_trainer_threads_refused(model->trainer) : 0;
}

const char *cvy_isa(const cvy_model *model) {
    return model ? model->isa : NULL;
}

bool cvy_described_text(const cvy_model *model, char text[static CVY_DESCRIBED_TEXT_MAX]) {
    const unsigned described = model->trainer ? model->described : 0;
    *text = '\0';
    if (described & CVY_COMPILE_OPTIMIZER)
        cvy_optimizer_text(&model->compiled.optimizer, text);
    if (described & CVY_COMPILE_LOSS && model->compiled.label_smoothing > 0)
        cvy_append(text, CVY_DESCRIBED_TEXT_MAX, "%slabel smoothing %g", *text ? ", " : "",
                   model->compiled.label_smoothing);
    if (*text)
        cvy_append(text, CVY_DESCRIBED_TEXT_MAX, " (%s)", model->origin);
    return *text;
}
