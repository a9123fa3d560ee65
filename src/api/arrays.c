/* The public API: a model's variables and its optimizer's, in memory. */
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static cvy_array array_of(const cvy_variable *variable, float *values) {
    cvy_array array = {.rank = variable->rank, .count = variable->count, .values = values + variable->offset};
    memcpy(array.shape, variable->shape, sizeof array.shape);
    return array;
}

cvy_array cvy_weight(cvy_model *model, int i, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ready(model, status))
        return (cvy_array){0};
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    if (i < 0 || i >= variables->count)
        return (cvy_array){0};
    cvy_array array = array_of(&variables->list[i], cvy_trainer_parameters(model->trainer));
    snprintf(array.name, sizeof array.name, "%s", variables->list[i].path);
    return array;
}

/* Keras's path: the variable's own, with underscores, and the slot's name behind it. */
static void name_state(const cvy_optimizer_settings *settings, int slot, const char *path,
                       char name[static sizeof((cvy_array){0}.name)]) {
    int length = snprintf(name, sizeof((cvy_array){0}.name), "%s/", cvy_optimizer_snake_name(settings->kind));
    snprintf(name + length, sizeof((cvy_array){0}.name) - (size_t)length, "%s_%s", path,
             cvy_optimizer_slot_name(settings, slot));
    for (char *c = name + length; *c; c++)
        if (*c == '/')
            *c = '_';
}

/* Keras lists the moving average first, then slot by slot, each for all variables. Adam's first two slots take turns:
 * momentum and velocity of one variable, then of the next. */
cvy_array cvy_optimizer_variable(cvy_model *model, int i, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ready(model, status))
        return (cvy_array){0};
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    const cvy_optimizer *optimizer = cvy_trainer_optimizer(model->trainer);
    const cvy_optimizer_settings *settings = &optimizer->settings;
    const int slots = cvy_optimizer_slots(settings), count = variables->count;
    if (i < 0 || i >= slots * count)
        return (cvy_array){0};
    int slot = i / count, index = i % count;
    if (settings->use_ema)
        slot = slot == 0 ? slots - 1 : slot - 1;
    const bool turns = settings->kind == CVY_ADAM || settings->kind == CVY_ADAMW;
    if (turns && slot < 2) {
        const int place = slot * count + index;
        slot = place % 2;
        index = place / 2;
    }
    cvy_array array = array_of(&variables->list[index], optimizer->state[slot]);
    name_state(settings, slot, variables->list[index].path, array.name);
    return array;
}

uint64_t cvy_iterations(const cvy_model *model) {
    return model && model->trainer ? cvy_trainer_optimizer(model->trainer)->step : 0;
}

void cvy_set_iterations(cvy_model *model, uint64_t iterations, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (cvy_ready(model, status))
        cvy_optimizer_set_step(cvy_trainer_optimizer(model->trainer), iterations);
}

double cvy_learning_rate(const cvy_model *model) {
    return model && model->trainer ? cvy_trainer_optimizer(model->trainer)->settings.learning_rate : 0;
}

void cvy_set_learning_rate(cvy_model *model, double learning_rate, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ready(model, status))
        return;
    if (!(learning_rate > 0 && isfinite(learning_rate)))
        cvy_fail(status, CVY_USAGE, "learning_rate", "%g is not a positive number", learning_rate);
    else
        cvy_trainer_optimizer(model->trainer)->settings.learning_rate = learning_rate;
}
