/* The public API over the rooms below: compile, fit, evaluate, predict, save, load. (describe.c builds models.) */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/order.h"
#include "io/safetensors.h"
#include "machine/tier.h"
#include "model_object.h"

/* ---- Preprocess ------------------------------------------------------------------------------------------------- */

void cvy_preprocess(cvy_model *model, const char *preprocessing, cvy_status *status) {
    if (cvy_ok(status) && model &&
        cvy_preprocessing_parse(preprocessing ? preprocessing : "", &model->preprocessing, status) && model->trainer)
        cvy_trainer_preprocess(model->trainer, &model->preprocessing);
}

/* ---- Compile ---------------------------------------------------------------------------------------------------- */

void cvy_compile(cvy_model *model, const cvy_compile_options *options, cvy_status *status) {
    if (!cvy_ok(status) || !model)
        return;
    const cvy_compile_options defaults = {0};
    if (!options)
        options = &defaults;
    if (model->network->count < 2) {
        cvy_fail(status, CVY_FAILED, model->network->name, "the model has no layers yet");
        return;
    }
    if (options->loss && strcmp(options->loss, "categorical_crossentropy") != 0) {
        cvy_fail(status, CVY_USAGE, "loss", "\"%s\" is not known; expected \"categorical_crossentropy\"",
                 options->loss);
        return;
    }
    if (!(options->label_smoothing >= 0 && options->label_smoothing <= 1)) {
        cvy_fail(status, CVY_USAGE, "label_smoothing", "%g is not a number from 0 to 1", options->label_smoothing);
        return;
    }
    if (options->threads < 0) {
        cvy_fail(status, CVY_USAGE, "threads", "%d threads make no team", options->threads);
        return;
    }
    cvy_layout layout = CVY_LAYOUT_AUTO;
    if (options->layout && !cvy_layout_from_name(options->layout, &layout)) {
        cvy_fail(status, CVY_USAGE, "layout", "\"%s\" is not known; expected auto, hwc16n or nhwc", options->layout);
        return;
    }
    cvy_tier tier;
    const char *why;
    if (!cvy_optimizer_parse(options->optimizer ? options->optimizer : "rmsprop", &model->optimizer, status) ||
        !cvy_tier_choose(options->isa, &tier, &why, status))
        return;
    if (options->learning_rate > 0 && isfinite(options->learning_rate)) {
        model->optimizer.learning_rate = options->learning_rate;
    } else if (options->learning_rate != 0) {
        cvy_fail(status, CVY_USAGE, "learning_rate", "%g is not a positive number", options->learning_rate);
        return;
    }
    cvy_kernels_fill(&model->kernels, tier);
    model->isa = cvy_tier_name(tier);
    model->seed = options->seed;
    model->epochs_done = 0;
    cvy_trainer_free(model->trainer);
    model->trainer = cvy_trainer_new(model->network,
                                     &(cvy_trainer_options){.kernels = &model->kernels,
                                                            .optimizer = model->optimizer,
                                                            .threads = options->threads,
                                                            .layout = layout,
                                                            .profile = options->profile,
                                                            .seed = options->seed,
                                                            .label_smoothing = options->label_smoothing},
                                     status);
    if (model->trainer)
        cvy_trainer_preprocess(model->trainer, &model->preprocessing);
}

/* Whether the call may go on: no error so far, and a compiled model. */
static bool ready(const cvy_model *model, cvy_status *status) {
    if (!cvy_ok(status) || !model)
        return false;
    return model->trainer || cvy_fail(status, CVY_USAGE, model->network->name, "the model is not compiled yet");
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

const char *cvy_isa(const cvy_model *model) {
    return model ? model->isa : NULL;
}

void cvy_model_free(cvy_model *model) {
    if (!model)
        return;
    cvy_trainer_free(model->trainer);
    cvy_network_free(model->network);
    free(model->description);
    free(model);
}

/* ---- Fit -------------------------------------------------------------------------------------------------------- */

static double mean(double sum, size_t images) {
    return images ? sum / (double)images : 0;
}

/* A fit under way. */
typedef struct cvy_fit_run {
    const cvy_fit_options *options;
    const cvy_dataset *dataset, *held_out;
    size_t count, batch_size; /* images to train on, and how many a step */
    size_t budget;            /* images to show in all, over all epochs */
    size_t first_held_out;
    uint32_t *order;
    cvy_progress progress;
} cvy_fit_run;

static bool show_step(size_t step, size_t steps, double seconds, const cvy_metrics *metrics, void *user) {
    cvy_fit_run *fit = user;
    cvy_progress *progress = &fit->progress;
    progress->step = step;
    progress->steps = steps;
    progress->seconds = seconds;
    progress->loss = mean(metrics->loss_sum, metrics->images);
    progress->accuracy = mean((double)metrics->correct, metrics->images);
    /* The epoch's last step is on_epoch's to show, with its validation. */
    if (!fit->options->on_progress || step == steps)
        return true;
    return fit->options->on_progress(progress, fit->options->user);
}

/* How many of the images to train on; the others, at the end, are held out (as Keras splits). */
static size_t training_images(const cvy_dataset *dataset, const cvy_fit_options *options, cvy_status *status) {
    double split = options->validation_split;
    if (!(split >= 0 && split < 1)) {
        cvy_fail(status, CVY_USAGE, "validation_split", "%g is not a fraction from 0 up to, but not including, 1",
                 split);
        return 0;
    }
    if (split > 0 && options->validation_data) {
        cvy_fail(status, CVY_USAGE, "validation_split", "given together with validation_data; give one of them");
        return 0;
    }
    size_t count = (size_t)floor((double)dataset->count * (1 - split));
    if (count == 0)
        cvy_fail(status, CVY_FAILED, dataset->origin, "no images are left to train on (%zu, %g of them held out)",
                 dataset->count, split);
    return count;
}

static bool check_fit(const cvy_fit_options *options, cvy_status *status) {
    if (options->epochs < 0 || options->batch_size < 0)
        return cvy_fail(status, CVY_USAGE, options->epochs < 0 ? "epochs" : "batch_size", "%d is less than 1",
                        options->epochs < 0 ? options->epochs : options->batch_size);
    if (options->epochs && options->images)
        return cvy_fail(status, CVY_USAGE, "images", "given together with epochs; give one of them");
    if (options->random_shift < 0 || options->random_shift > CVY_SHIFT_MAX)
        return cvy_fail(status, CVY_USAGE, "random_shift", "%d is not a whole number from 0 to %d",
                        options->random_shift, CVY_SHIFT_MAX);
    double target = options->target_accuracy;
    if (!(target >= 0 && target <= 1))
        return cvy_fail(status, CVY_USAGE, "target_accuracy", "%g is not a number from 0 to 1", target);
    return !(target > 0) || options->validation_split > 0 || options->validation_data ||
           cvy_fail(status, CVY_USAGE, "target_accuracy", "nothing is held out to measure it on");
}

/* Works out what the options come to; on success order is to be freed. */
static bool begin_fit(cvy_model *model, const cvy_dataset *dataset, const cvy_fit_options *options, cvy_fit_run *fit,
                      cvy_status *status) {
    cvy_schedule schedule;
    size_t count;
    if (!check_fit(options, status) || !(count = training_images(dataset, options, status)) ||
        !cvy_schedule_parse(options->schedule ? options->schedule : "constant", &schedule, status))
        return false;
    size_t batch_size = options->batch_size ? (size_t)options->batch_size : 32, epochs = options->epochs;
    *fit = (cvy_fit_run){.options = options, .dataset = dataset, .count = count};
    fit->batch_size = batch_size < count ? batch_size : count;
    fit->budget = options->images ? options->images : count * (epochs ? epochs : 1);
    fit->held_out = options->validation_data ? options->validation_data : dataset;
    fit->first_held_out = options->validation_data ? 0 : count;
    size_t whole = fit->budget / count, rest = fit->budget % count;
    if (whole + (rest > 0) > INT32_MAX)
        return cvy_fail(status, CVY_USAGE, "images", "%zu are more than %d epochs", options->images, INT32_MAX);
    fit->progress.epochs = (int)(whole + (rest > 0));
    const size_t steps =
        whole * ((count + fit->batch_size - 1) / fit->batch_size) + (rest + fit->batch_size - 1) / fit->batch_size;
    cvy_trainer_set_schedule(model->trainer, &schedule, steps);
    cvy_trainer_set_random_shift(model->trainer, options->random_shift);
    fit->order = cvy_allocate(count, sizeof *fit->order, "order of the images", status);
    return fit->order != NULL;
}

/* Loss and accuracy on the held-out images, into the progress. */
static bool validate(cvy_model *model, cvy_fit_run *fit, cvy_status *status) {
    cvy_metrics metrics = {0};
    size_t count = fit->held_out->count - fit->first_held_out;
    fit->progress.validated = false;
    if (count == 0)
        return true;
    if (!cvy_trainer_forward(model->trainer, fit->held_out, fit->first_held_out, count, NULL, &metrics, status))
        return false;
    fit->progress.validated = true;
    fit->progress.val_loss = mean(metrics.loss_sum, metrics.images);
    fit->progress.val_accuracy = mean((double)metrics.correct, metrics.images);
    return true;
}

static bool fit_epoch(cvy_model *model, cvy_fit_run *fit, cvy_status *status) {
    const cvy_fit_options *options = fit->options;
    cvy_metrics metrics;
    size_t shown = (size_t)(fit->progress.epoch - 1) * fit->count, left = fit->budget - shown;

    fit->progress.validated = false;
    cvy_order_fill(fit->order, fit->count, model->seed, model->epochs_done, !options->no_shuffle);
    if (!cvy_trainer_epoch(model->trainer, fit->dataset, fit->order, left < fit->count ? left : fit->count,
                           fit->batch_size, options->stop, show_step, fit, &metrics, status))
        return false;
    model->epochs_done++;
    if (fit->progress.epoch == fit->progress.epochs)
        cvy_trainer_finish(model->trainer);
    if (!validate(model, fit, status))
        return false;
    if (options->on_epoch && !options->on_epoch(&fit->progress, options->user))
        return cvy_fail(status, CVY_INTERRUPTED, "training", "stopped after epoch %d of %d", fit->progress.epoch,
                        fit->progress.epochs);
    return true;
}

static bool reached_target(const cvy_fit_run *fit) {
    return fit->options->target_accuracy > 0 && fit->progress.validated &&
           fit->progress.val_accuracy >= fit->options->target_accuracy;
}

void cvy_fit(cvy_model *model, const cvy_dataset *dataset, const cvy_fit_options *options, cvy_status *status) {
    if (!ready(model, status) || !dataset)
        return;
    const cvy_fit_options defaults = {0};
    cvy_fit_run fit;
    if (!begin_fit(model, dataset, options ? options : &defaults, &fit, status))
        return;
    for (int epoch = 1; epoch <= fit.progress.epochs; epoch++) {
        fit.progress.epoch = epoch;
        if (!fit_epoch(model, &fit, status))
            break;
        if (reached_target(&fit))
            break;
    }
    free(fit.order);
}

cvy_profile *cvy_profile_read(const cvy_model *model, cvy_status *status) {
    return ready(model, status) ? cvy_trainer_profile_read(model->trainer, status) : NULL;
}

/* ---- Evaluate, predict ------------------------------------------------------------------------------------------ */

cvy_evaluation cvy_evaluate(cvy_model *model, const cvy_dataset *dataset, cvy_status *status) {
    cvy_metrics metrics = {0};
    if (!ready(model, status) || !dataset ||
        !cvy_trainer_forward(model->trainer, dataset, 0, dataset->count, NULL, &metrics, status))
        return (cvy_evaluation){0};
    return (cvy_evaluation){.loss = mean(metrics.loss_sum, metrics.images),
                            .accuracy = mean((double)metrics.correct, metrics.images)};
}

void cvy_predict(cvy_model *model, const cvy_dataset *dataset, size_t first, size_t count, float *probabilities,
                 cvy_status *status) {
    if (ready(model, status) && dataset)
        cvy_trainer_forward(model->trainer, dataset, first, count, probabilities, NULL, status);
}

/* ---- Save, load ------------------------------------------------------------------------------------------------- */

/* Key and value for what a file of weights must say beside them. */
static void describe_model(const cvy_model *model, char text[static CVY_PREPROCESSING_MAX], const char *metadata[5]) {
    int i = 0;
    if (model->description && strcmp(model->description, "lesson")) {
        metadata[i++] = "network";
        metadata[i++] = model->description;
    }
    cvy_preprocessing_text(&model->preprocessing, text);
    if (strcmp(text, "none")) {
        metadata[i++] = "preprocessing";
        metadata[i++] = text;
    }
    metadata[i] = NULL;
}

void cvy_save(const cvy_model *model, const char *path, cvy_status *status) {
    if (!ready(model, status))
        return;
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    const float *parameters = cvy_trainer_parameters(model->trainer);
    cvy_tensor *tensors = cvy_allocate((size_t)variables->count, sizeof *tensors, "tensors", status);
    if (!tensors)
        return;
    for (int i = 0; i < variables->count; i++) {
        const cvy_variable *variable = &variables->list[i];
        tensors[i] = (cvy_tensor){
            .name = variable->path, .dtype = CVY_F32, .rank = variable->rank, .data = parameters + variable->offset};
        memcpy(tensors[i].shape, variable->shape, sizeof tensors[i].shape);
    }
    char text[CVY_PREPROCESSING_MAX];
    const char *metadata[5];
    describe_model(model, text, metadata);
    cvy_safetensors_write(path, tensors, (size_t)variables->count, metadata, status);
    free(tensors);
}

static bool read_variable(const cvy_safetensors *file, const cvy_variable *variable, const char *name,
                          float *parameters, cvy_status *status) {
    const cvy_tensor *tensor = cvy_safetensors_find(file, name);
    const char *path = cvy_safetensors_path(file);
    if (!tensor)
        return cvy_fail(status, CVY_FAILED, path, "no tensor \"%s\"", name);
    if (tensor->dtype != CVY_F32)
        return cvy_fail(status, CVY_FAILED, path, "tensor \"%s\" is not F32", name);
    if (tensor->rank != variable->rank || memcmp(tensor->shape, variable->shape, (size_t)tensor->rank * sizeof(size_t)))
        return cvy_fail(status, CVY_FAILED, path, "tensor \"%s\" has another shape than the network's", name);
    memcpy(parameters + variable->offset, tensor->data, variable->count * sizeof(float));
    return true;
}

/* Preprocessing that the file's weights were trained with. */
static bool read_preprocessing(const cvy_safetensors *file, cvy_preprocessing *preprocessing, cvy_status *status) {
    cvy_status parsing = {0};
    const char *text = cvy_safetensors_metadata(file, "preprocessing");
    return !text || cvy_preprocessing_parse(text, preprocessing, &parsing) ||
           cvy_fail(status, CVY_FAILED, cvy_safetensors_path(file), "preprocessing: %.400s", parsing.what);
}

void cvy_load(cvy_model *model, const char *path, cvy_status *status) {
    if (!ready(model, status))
        return;
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    cvy_safetensors *file = cvy_safetensors_open(path, status);
    if (!file)
        return;
    /* Into a copy first: a file that does not fit leaves the model as it was. */
    float *loaded = cvy_allocate(variables->floats, sizeof *loaded, "parameters", status);
    for (int i = 0; loaded && i < variables->count; i++)
        if (!read_variable(file, &variables->list[i], variables->list[i].path, loaded, status))
            break;
    cvy_preprocessing preprocessing = model->preprocessing;
    if (cvy_ok(status) && read_preprocessing(file, &preprocessing, status)) {
        memcpy(cvy_trainer_parameters(model->trainer), loaded, variables->floats * sizeof *loaded);
        model->preprocessing = preprocessing;
        cvy_trainer_preprocess(model->trainer, &preprocessing);
    }
    free(loaded);
    cvy_safetensors_close(file);
}
