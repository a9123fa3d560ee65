/* What a cvy_model holds; shared by the files of the public API. */
#ifndef CVY_MODEL_H
#define CVY_MODEL_H

#include "../model/network.h"
#include "../train/trainer.h"
#include "arguments.h"
#include "compile_config.h"

/* What a callback runs in: a fit, between its epochs, or one of its steps. */
typedef enum cvy_activity { CVY_IDLE, CVY_IN_FIT, CVY_IN_STEP } cvy_activity;

struct cvy_model {
    cvy_network *network;
    char *description;      /* what the network came from, a built-in's name or JSON; NULL: it was built by hand */
    char origin[256];       /* of the description, for messages: a file */
    json_t *compile_config; /* how the description says to train; NULL: it does not say */
    cvy_preprocessing preprocessing;
    /* Set by cvy_compile; describing ends there. */
    cvy_trainer *trainer;
    cvy_compile_settings compiled;
    unsigned described; /* which of these settings (CVY_COMPILE_...) are those of compile_config */
    cvy_kernels kernels;
    const char *isa;
    char threads_text[256];
    uint64_t seed;
    /* Whole epochs fitted so far: shuffles go on from there. */
    uint32_t epochs_done;
    cvy_activity activity;
    json_t *checkpoint; /* the next fit goes on from this one (checkpoint.h); NULL: it begins */
};

/* A model from a built-in's name, a file, or JSON, in which errors name `origin`. */
cvy_model *cvy_model_described(const char *description, const char *origin, cvy_status *status);

/* How a compiled model trains, as far as its compile_config says so: "Adam:learning_rate=0.003, label smoothing 0.1
 * (model.json)".
 * False if it says nothing that is used. */
enum { CVY_DESCRIBED_TEXT_MAX = CVY_OPTIMIZER_TEXT_MAX + 320 };
bool cvy_described_text(const cvy_model *model, char text[static CVY_DESCRIBED_TEXT_MAX]);

/* Keras's compile_config of the model; {} if it is not compiled. The caller decrefs it; NULL: memory is short. */
json_t *cvy_model_compile_config(const cvy_model *model);

/* Whether the call may go on: no error so far, a model, and no deeper within a fit than `deepest`. */
static inline bool cvy_may(const cvy_model *model, cvy_activity deepest, cvy_status *status) {
    return cvy_given(model, "model", status) &&
           (model->activity <= deepest ||
            cvy_fail(status, CVY_USAGE, model->network->name, "%s",
                     deepest == CVY_IDLE ? "called within a fit of this model, expected before or after it"
                                         : "called within a training step of this model, expected between steps"));
}

/* Whether the call may go on: a compiled model, and no step of it is under way. */
static inline bool cvy_ready(const cvy_model *model, cvy_status *status) {
    return cvy_may(model, CVY_IN_FIT, status) &&
           (model->trainer || cvy_fail(status, CVY_USAGE, model->network->name, "the model is not compiled yet"));
}

/* Loss and accuracy; 0 where no image was seen. */
static inline cvy_evaluation cvy_metrics_means(const cvy_metrics *metrics) {
    double images = metrics->images ? (double)metrics->images : 1;
    return (cvy_evaluation){.loss = metrics->loss_sum / images, .accuracy = (double)metrics->correct / images};
}

#endif
