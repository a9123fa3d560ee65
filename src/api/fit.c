/* The public API: training. */
#include "../base/clock.h"
#include "../base/float_environment.h"
#include "../base/memory.h"
#include "../data/order.h"
#include "checkpoint.h"
#include "model.h"

#include <math.h>
#include <stdlib.h>

/* A fit under way. */
typedef struct cvy_fit_run {
    const cvy_fit_options *options;
    const cvy_dataset *dataset, *held_out;
    size_t count, batch_size; /* images to train on, and how many a step */
    size_t budget;            /* images to show in all, over all epochs */
    size_t first_held_out;
    uint32_t *order;
    double shown;        /* seconds of the epoch at which on_progress was last called */
    json_t *description; /* for checkpoints; NULL: none are wanted */
    cvy_position position;
    double saved_at; /* clock at the last checkpoint */
    cvy_progress progress;
    cvy_float_environment environment; /* the caller's, which callbacks have, too */
} cvy_fit_run;

/* Shows the progress; false: the caller wants no more. */
static bool show(cvy_fit_run *fit, cvy_progress_fn *callback) {
    cvy_float_leave(fit->environment);
    const bool goes_on = callback(&fit->progress, fit->options->user);
    fit->environment = cvy_float_enter();
    return goes_on;
}

enum { SHOWS_A_SECOND = 20 };

/* Whether to show a step. The epoch's last is on_epoch's to show, with its validation. */
static bool shows(const cvy_fit_run *fit, size_t step, size_t steps, double seconds) {
    return fit->options->on_progress && step < steps &&
           (step == 1 || fit->options->every_step || seconds - fit->shown >= 1.0 / SHOWS_A_SECOND);
}

/* Whether to write a checkpoint after a step. */
static bool saves(const cvy_fit_run *fit, size_t step) {
    const cvy_fit_options *options = fit->options;
    return (options->checkpoint_steps && step % options->checkpoint_steps == 0) ||
           (options->checkpoint_seconds > 0 && cvy_clock() - fit->saved_at >= options->checkpoint_seconds);
}

static cvy_next after_step(size_t step, size_t steps, double seconds, const cvy_metrics *metrics, void *user) {
    cvy_fit_run *fit = user;
    cvy_progress *progress = &fit->progress;
    progress->step = step;
    progress->steps = steps;
    progress->seconds = seconds;
    cvy_evaluation means = cvy_metrics_means(metrics);
    progress->loss = means.loss;
    progress->accuracy = means.accuracy;
    const bool pause = fit->options->checkpoint && saves(fit, step);
    if (shows(fit, step, steps, seconds)) {
        fit->shown = seconds;
        if (!show(fit, fit->options->on_progress))
            return CVY_STOP;
    }
    return pause ? CVY_PAUSE : CVY_GO_ON;
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
    if (options->checkpoint_epochs < 0 || options->checkpoint_keep < 0)
        return cvy_fail(status, CVY_USAGE, options->checkpoint_epochs < 0 ? "checkpoint_epochs" : "checkpoint_keep",
                        "%d is less than 1",
                        options->checkpoint_epochs < 0 ? options->checkpoint_epochs : options->checkpoint_keep);
    if (!(options->checkpoint_seconds >= 0))
        return cvy_fail(status, CVY_USAGE, "checkpoint_seconds", "%g is not a positive number",
                        options->checkpoint_seconds);
    if (options->validation_data && !options->validation_data->labels)
        return cvy_fail(status, CVY_USAGE, "validation_data", "the data set has no labels");
    double target = options->target_accuracy;
    if (!(target >= 0 && target <= 1))
        return cvy_fail(status, CVY_USAGE, "target_accuracy", "%g is not a number from 0 to 1", target);
    return !(target > 0) || options->validation_split > 0 || options->validation_data ||
           cvy_fail(status, CVY_USAGE, "target_accuracy", "nothing is held out to measure it on");
}

/* How many images the epoch shows, counted from 1: all, fewer in the last one of a budget, none after that. */
static size_t images_of_epoch(const cvy_fit_run *fit, int epoch) {
    const size_t done = (size_t)(epoch - 1) * fit->count, left = fit->budget > done ? fit->budget - done : 0;
    return left < fit->count ? left : fit->count;
}

/* Where the fit begins: at its first step, or where a checkpoint left it. `steps` are those of a whole epoch. */
static bool begin_position(cvy_model *model, cvy_fit_run *fit, size_t steps, cvy_status *status) {
    fit->position = (cvy_position){.epoch = 1};
    fit->saved_at = cvy_clock();
    if (!model->checkpoint && !fit->options->checkpoint)
        return true;
    fit->description = cvy_checkpoint_describe(model, fit->options, fit->dataset, status);
    if (!fit->description ||
        (model->checkpoint && !cvy_checkpoint_resume(model, fit->description, &fit->position, status)))
        return false;
    const cvy_position *position = &fit->position;
    size_t images = position->step * fit->batch_size;
    const size_t of_epoch = images_of_epoch(fit, position->epoch);
    images = images < of_epoch ? images : of_epoch;
    return (position->step <= steps && position->metrics.images == images) ||
           cvy_fail(status, CVY_FAILED, "checkpoint", "its position in the fit makes no sense");
}

/* Works out what the options come to; cvy_fit frees what it made, also on an error. */
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
    const size_t whole_steps = (count + fit->batch_size - 1) / fit->batch_size;
    const size_t steps = whole * whole_steps + (rest + fit->batch_size - 1) / fit->batch_size;
    if (!begin_position(model, fit, whole_steps, status))
        return false;
    cvy_trainer_set_schedule(model->trainer, &schedule, steps,
                             (size_t)(fit->position.epoch - 1) * whole_steps + fit->position.step);
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
    cvy_evaluation means = cvy_metrics_means(&metrics);
    fit->progress.val_loss = means.loss;
    fit->progress.val_accuracy = means.accuracy;
    return true;
}

static bool save(cvy_model *model, cvy_fit_run *fit, cvy_status *status) {
    const cvy_fit_options *options = fit->options;
    bool saved = cvy_checkpoint_write(model, fit->description, &fit->position, options->checkpoint,
                                      options->checkpoint_keep ? options->checkpoint_keep : 1, status);
    fit->saved_at = cvy_clock();
    return saved;
}

/* The steps of an epoch, with pauses for checkpoints. None are left where a fit was stopped after the last. */
static bool fit_steps(cvy_model *model, cvy_fit_run *fit, cvy_epoch *epoch, cvy_status *status) {
    const size_t steps = cvy_epoch_steps(epoch);
    bool trained = true;
    while (trained && epoch->step < steps) {
        model->activity = CVY_IN_STEP;
        trained = cvy_trainer_epoch(model->trainer, fit->dataset, epoch, status);
        model->activity = CVY_IN_FIT;
        fit->position.step = epoch->step;
        fit->position.seconds = epoch->seconds;
        fit->position.metrics = epoch->metrics;
        const bool stopped = status->code == CVY_INTERRUPTED, paused = trained && epoch->step < steps;
        cvy_status saving = {0};
        if (fit->options->checkpoint && (stopped || paused) && !save(model, fit, &saving)) {
            *status = saving;
            return false;
        }
    }
    return trained;
}

static bool fit_epoch(cvy_model *model, cvy_fit_run *fit, cvy_status *status) {
    const cvy_fit_options *options = fit->options;
    cvy_epoch epoch = {.order = fit->order,
                       .count = images_of_epoch(fit, fit->progress.epoch),
                       .batch_size = fit->batch_size,
                       .stop = options->stop,
                       .on_step = after_step,
                       .user = fit,
                       .step = fit->position.step,
                       .seconds = fit->position.seconds,
                       .metrics = fit->position.metrics};
    fit->shown = 0;
    fit->progress.validated = false;
    cvy_order_fill(fit->order, fit->count, model->seed, model->epochs_done, !options->no_shuffle);
    if (!fit_steps(model, fit, &epoch, status))
        return false;
    model->epochs_done++;
    fit->position = (cvy_position){.epoch = fit->progress.epoch + 1};
    if (fit->progress.epoch == fit->progress.epochs)
        cvy_trainer_finish(model->trainer);
    if (!validate(model, fit, status))
        return false;
    const bool go_on = !options->on_epoch || show(fit, options->on_epoch);
    const int every = options->checkpoint_epochs ? options->checkpoint_epochs : 1;
    const bool last = !go_on || fit->progress.epoch == fit->progress.epochs;
    const bool by_epoch = options->checkpoint_epochs || !(options->checkpoint_steps || options->checkpoint_seconds > 0);
    if (options->checkpoint && (last || (by_epoch && fit->progress.epoch % every == 0)) && !save(model, fit, status))
        return false;
    return go_on || cvy_fail(status, CVY_INTERRUPTED, "training", "stopped after epoch %d of %d", fit->progress.epoch,
                             fit->progress.epochs);
}

static bool reached_target(const cvy_fit_run *fit) {
    return fit->options->target_accuracy > 0 && fit->progress.validated &&
           fit->progress.val_accuracy >= fit->options->target_accuracy;
}

/* Where the preprocessing depends on the size of the images, an export must know it. */
static void note_image_size(cvy_preprocessing *preprocessing, const cvy_dataset *dataset) {
    if (!preprocessing->deskew && !preprocessing->center_crop[0] && !preprocessing->average_pooling[0])
        return;
    preprocessing->image_size[0] = dataset->height;
    preprocessing->image_size[1] = dataset->width;
}

static void fit_epochs(cvy_model *model, cvy_fit_run *fit, cvy_status *status) {
    /* The fit is under way: it needs the checkpoint no more. */
    json_decref(model->checkpoint);
    model->checkpoint = NULL;
    model->activity = CVY_IN_FIT;
    bool more = true;
    for (int epoch = fit->position.epoch; more && epoch <= fit->progress.epochs; epoch++) {
        fit->progress.epoch = epoch;
        more = fit_epoch(model, fit, status) && !reached_target(fit);
    }
    model->activity = CVY_IDLE;
}

void cvy_fit(cvy_model *model, const cvy_dataset *dataset, const cvy_fit_options *options, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    options = options ? options : &(cvy_fit_options){0};
    cvy_fit_run fit = {0};
    if (!cvy_may(model, CVY_IDLE, status) || !cvy_ready(model, status) || !cvy_given(dataset, "dataset", status))
        return;
    note_image_size(&model->preprocessing, dataset);
    cvy_float_environment before = cvy_float_enter();
    if (begin_fit(model, dataset, options, &fit, status)) {
        fit.environment = before;
        fit_epochs(model, &fit, status);
        before = fit.environment;
    }
    json_decref(fit.description);
    free(fit.order);
    cvy_float_leave(before);
}

cvy_profile *cvy_profile_read(const cvy_model *model, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    return cvy_ready(model, status) ? cvy_trainer_profile_read(model->trainer, status) : NULL;
}
