/* How a model is compiled, as Keras writes it: compile_config of model.to_json() and config.json, training_config of
 * HDF5 files. */
#ifndef CVY_COMPILE_CONFIG_H
#define CVY_COMPILE_CONFIG_H

#include "../base/refusals.h"
#include "../train/optimizer.h"

#include <jansson.h>

typedef struct cvy_compile_settings {
    cvy_optimizer_settings optimizer;
    bool sparse; /* the loss goes by sparse_categorical_crossentropy; labels are class numbers either way */
    double label_smoothing;
} cvy_compile_settings;

/* Parts of it, as bits. */
enum {
    CVY_COMPILE_OPTIMIZER = 1,
    CVY_COMPILE_LEARNING_RATE = 2,
    CVY_COMPILE_LOSS = 4, /* with its weights, label smoothing, and metrics */
    CVY_COMPILE_ALL = 7,
};

/* Reads these parts of an object: `config` is {"optimizer": ..., "loss": ..., ...} or, as in HDF5 files,
 * {"optimizer_config": ..., "loss": ..., ...}; NULL holds nothing. What it does not hold stays as it was; what is not
 * supported is added to the refusals. */
void cvy_compile_config_read(json_t *config, unsigned parts, cvy_compile_settings *settings, cvy_refusals *refusals);

/* What Keras writes for them, with the metric "accuracy". The caller decrefs it; NULL: memory is short. */
json_t *cvy_compile_config_write(const cvy_compile_settings *settings);

/* Whether the name is that of a loss: categorical_crossentropy or sparse_categorical_crossentropy. */
bool cvy_loss_from_name(const char *name, bool *sparse);
extern const cvy_choices cvy_loss_choices;

#endif
