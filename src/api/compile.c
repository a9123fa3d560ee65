/* The public API: preprocessing, compiling, and what a compiled model is. */
#include "../base/float_environment.h"
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

/* Checks the options, and turns them into the trainer's. */
static bool read_options(const cvy_compile_options *options, cvy_trainer_options *trainer, cvy_tier *tier,
                         cvy_status *status) {
    const char *why;
    if (options->loss && strcmp(options->loss, "categorical_crossentropy") != 0)
        return cvy_fail(status, CVY_USAGE, "loss", "\"%s\" is not known; expected \"categorical_crossentropy\"",
                        options->loss);
    if (!(options->label_smoothing >= 0 && options->label_smoothing <= 1))
        return cvy_fail(status, CVY_USAGE, "label_smoothing", "%g is not a number from 0 to 1",
                        options->label_smoothing);
    if (options->threads < 0)
        return cvy_fail(status, CVY_USAGE, "threads", "%d is less than 0", options->threads);
    if (options->layout && !cvy_layout_from_name(options->layout, &trainer->layout))
        return cvy_fail(status, CVY_USAGE, "layout", "\"%s\" is not known; expected auto, hwc16n or nhwc",
                        options->layout);
    if (!(options->learning_rate >= 0 && isfinite(options->learning_rate)))
        return cvy_fail(status, CVY_USAGE, "learning_rate", "%g is not a positive number", options->learning_rate);
    if (!cvy_optimizer_parse(options->optimizer ? options->optimizer : "rmsprop", &trainer->optimizer, status) ||
        !cvy_tier_choose(options->isa, tier, &why, status))
        return false;
    if (options->learning_rate > 0)
        trainer->optimizer.learning_rate = options->learning_rate;
    trainer->threads = options->threads;
    trainer->profile = options->profile;
    trainer->seed = options->seed;
    trainer->label_smoothing = options->label_smoothing;
    return true;
}

void cvy_compile(cvy_model *model, const cvy_compile_options *options, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_may(model, CVY_IDLE, status))
        return;
    if (model->network->count < 2) {
        cvy_fail(status, CVY_FAILED, model->network->name, "the model has no layers yet");
        return;
    }
    cvy_trainer_options chosen = {.kernels = &model->kernels, .layout = CVY_LAYOUT_AUTO};
    cvy_tier tier;
    if (!read_options(options ? options : &(cvy_compile_options){0}, &chosen, &tier, status))
        return;
    cvy_kernels_fill(&model->kernels, tier);
    model->isa = cvy_tier_name(tier);
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
