#include "optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/memory.h"

/* ---- State ------------------------------------------------------------------------------------------------------ */

int cvy_optimizer_slots(const cvy_optimizer_settings *settings) {
    switch (settings->kind) {
    case CVY_SGD:
        return (settings->momentum > 0) + settings->use_ema;
    case CVY_RMSPROP:
        return 1 + (settings->momentum > 0) + settings->centered + settings->use_ema;
    case CVY_ADAM:
    case CVY_ADAMW:
        break;
    }
    return 2 + settings->amsgrad + settings->use_ema;
}

const char *cvy_optimizer_slot_name(const cvy_optimizer_settings *settings, int slot) {
    if (settings->use_ema && slot == cvy_optimizer_slots(settings) - 1)
        return "average";
    switch (settings->kind) {
    case CVY_SGD:
        return "momentum";
    case CVY_RMSPROP:
        return slot == 0 ? "velocity" : slot == 1 && settings->momentum > 0 ? "momentum" : "average_gradient";
    case CVY_ADAM:
    case CVY_ADAMW:
        break;
    }
    return slot == 0 ? "momentum" : slot == 1 ? "velocity" : "velocity_hat";
}

long cvy_optimizer_parameters(const cvy_optimizer_settings *settings, size_t parameters) {
    return (long)parameters * cvy_optimizer_slots(settings) + 2;
}

bool cvy_optimizer_create(cvy_optimizer *optimizer, const cvy_optimizer_settings *settings, size_t floats,
                          cvy_status *status) {
    *optimizer = (cvy_optimizer){.settings = *settings,
                                 .beta_1 = (float)settings->beta_1,
                                 .beta_2 = (float)settings->beta_2,
                                 .beta_1_power = 1,
                                 .beta_2_power = 1};
    if (!cvy_ok(status) || !cvy_optimizer_check(settings, status))
        return false;
    for (int i = 0; i < cvy_optimizer_slots(settings); i++) {
        if (!(optimizer->state[i] = cvy_allocate(floats, sizeof(float), "optimizer state", status))) {
            cvy_optimizer_destroy(optimizer);
            return false;
        }
    }
    return true;
}

void cvy_optimizer_destroy(cvy_optimizer *optimizer) {
    for (int i = 0; i < CVY_OPTIMIZER_SLOTS; i++) {
        free(optimizer->state[i]);
        optimizer->state[i] = NULL;
    }
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

void cvy_optimizer_set_step(cvy_optimizer *optimizer, uint64_t step) {
    const double beta_1 = (double)optimizer->beta_1, beta_2 = (double)optimizer->beta_2;
    double power_1 = 1, power_2 = 1;
    /* Powers that have ceased to fall, at 0 or the least subnormal number, stay there for any number of steps. */
    for (uint64_t i = 0; i < step && (power_1 * beta_1 != power_1 || power_2 * beta_2 != power_2); i++) {
        power_1 *= beta_1;
        power_2 *= beta_2;
    }
    optimizer->step = step;
    optimizer->beta_1_power = power_1;
    optimizer->beta_2_power = power_2;
}

void cvy_optimizer_begin(cvy_optimizer *optimizer, double learning_rate) {
    const cvy_optimizer_settings *s = &optimizer->settings;
    const float decay = (float)(learning_rate * s->weight_decay);
    optimizer->step++;
    optimizer->ema_rate = optimizer->step == 1 ? 1.0f : (float)(1 - s->ema_momentum);
    switch (s->kind) {
    case CVY_SGD:
        optimizer->rule.sgd = (cvy_sgd){.learning_rate = (float)learning_rate,
                                        .momentum = (float)s->momentum,
                                        .decay = decay,
                                        .nesterov = s->nesterov};
        break;
    case CVY_RMSPROP:
        optimizer->rule.rmsprop = (cvy_rmsprop){.learning_rate = (float)learning_rate,
                                                .rho = (float)s->rho,
                                                .one_minus_rho = (float)(1 - s->rho),
                                                .momentum = (float)s->momentum,
                                                .epsilon = (float)s->epsilon,
                                                .decay = decay,
                                                .centered = s->centered};
        break;
    case CVY_ADAM:
    case CVY_ADAMW:
        optimizer->beta_1_power *= (double)optimizer->beta_1;
        optimizer->beta_2_power *= (double)optimizer->beta_2;
        optimizer->rule.adam = (cvy_adam){
            .alpha = (float)(learning_rate * sqrt(1 - optimizer->beta_2_power) / (1 - optimizer->beta_1_power)),
            .one_minus_beta_1 = (float)(1 - s->beta_1),
            .one_minus_beta_2 = (float)(1 - s->beta_2),
            .epsilon = (float)s->epsilon,
            .decay = decay,
            .amsgrad = s->amsgrad};
        break;
    }
}

bool cvy_optimizer_update(const cvy_optimizer *optimizer, const cvy_kernels *kernels, size_t first, size_t count,
                          const float *gradient, float *parameters) {
    float *state[CVY_OPTIMIZER_SLOTS] = {NULL};
    for (int i = 0; i < CVY_OPTIMIZER_SLOTS && optimizer->state[i]; i++)
        state[i] = optimizer->state[i] + first;
    gradient += first;
    parameters += first;
    int overflow = 0;
    switch (optimizer->settings.kind) {
    case CVY_SGD:
        overflow = kernels->sgd_update(&optimizer->rule.sgd, count, gradient, state, parameters);
        break;
    case CVY_RMSPROP:
        overflow = kernels->rmsprop_update(&optimizer->rule.rmsprop, count, gradient, state, parameters);
        break;
    case CVY_ADAM:
    case CVY_ADAMW:
        overflow = kernels->adam_update(&optimizer->rule.adam, count, gradient, state, parameters);
        break;
    }
    if (optimizer->settings.use_ema)
        kernels->ema_update(optimizer->ema_rate, count, parameters,
                            state[cvy_optimizer_slots(&optimizer->settings) - 1]);
    return !overflow;
}

void cvy_optimizer_finish(const cvy_optimizer *optimizer, size_t floats, float *parameters) {
    if (optimizer->settings.use_ema && optimizer->step > 0)
        memcpy(parameters, optimizer->state[cvy_optimizer_slots(&optimizer->settings) - 1],
               floats * sizeof *parameters);
}
