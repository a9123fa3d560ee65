/* Names, settings and ranges of the optimizers, with Keras's defaults. */
#include "optimizer.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"SGD", "RMSprop", "Adam", "AdamW"};
static const char *const snake_names[] = {"sgd", "rm_sprop", "adam", "adam_w"};

static const cvy_optimizer_settings defaults[] = {
    [CVY_SGD] = {.kind = CVY_SGD, .learning_rate = 0.01, .ema_momentum = 0.99},
    [CVY_RMSPROP] = {.kind = CVY_RMSPROP, .learning_rate = 0.001, .rho = 0.9, .epsilon = 1e-7, .ema_momentum = 0.99},
    [CVY_ADAM] = {.kind = CVY_ADAM,
                  .learning_rate = 0.001,
                  .beta_1 = 0.9,
                  .beta_2 = 0.999,
                  .epsilon = 1e-7,
                  .ema_momentum = 0.99},
    [CVY_ADAMW] = {.kind = CVY_ADAMW,
                   .learning_rate = 0.001,
                   .beta_1 = 0.9,
                   .beta_2 = 0.999,
                   .epsilon = 1e-7,
                   .weight_decay = 0.004,
                   .ema_momentum = 0.99},
};

enum {
    SGD = 1 << CVY_SGD,
    RMSPROP = 1 << CVY_RMSPROP,
    ADAMS = 1 << CVY_ADAM | 1 << CVY_ADAMW,
    ALL = SGD | RMSPROP | ADAMS
};

#define KEY(name, kinds, value)                                                                                        \
    { #name, value, offsetof(cvy_optimizer_settings, name), kinds }
static const cvy_key keys[] = {
    {"learning_rate", &cvy_value_positive, offsetof(cvy_optimizer_settings, learning_rate), ALL, .alias = "lr"},
    KEY(rho, RMSPROP, &cvy_value_below_one),
    KEY(momentum, SGD | RMSPROP, &cvy_value_up_to_one),
    KEY(nesterov, SGD, &cvy_value_flag),
    KEY(beta_1, ADAMS, &cvy_value_below_one),
    KEY(beta_2, ADAMS, &cvy_value_below_one),
    KEY(epsilon, RMSPROP | ADAMS, &cvy_value_not_negative),
    KEY(centered, RMSPROP, &cvy_value_flag),
    KEY(amsgrad, ADAMS, &cvy_value_flag),
    KEY(weight_decay, ALL, &cvy_value_not_negative),
    KEY(use_ema, ALL, &cvy_value_flag),
    KEY(ema_momentum, ALL, &cvy_value_below_one),
};
#undef KEY
enum { KEYS = sizeof keys / sizeof *keys };

const char *cvy_optimizer_name(cvy_optimizer_kind kind) {
    return names[kind];
}

const char *cvy_optimizer_snake_name(cvy_optimizer_kind kind) {
    return snake_names[kind];
}

bool cvy_optimizer_parse(const char *text, cvy_optimizer_settings *settings, cvy_status *status) {
    int kind = cvy_settings_name(&text, names, sizeof names / sizeof *names, "optimizer", status);
    if (kind < 0)
        return false;
    cvy_optimizer_settings parsed = defaults[kind];
    if (!cvy_settings_parse(text, &(cvy_settings){"optimizer", names[kind], keys, KEYS, kind}, &parsed, status))
        return false;
    *settings = parsed;
    return true;
}

const cvy_key *cvy_optimizer_key(cvy_optimizer_kind kind, const char *name) {
    for (int i = 0; i < KEYS; i++)
        if ((keys[i].kinds >> kind & 1) && !strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

void cvy_optimizer_text(const cvy_optimizer_settings *settings, char text[static CVY_OPTIMIZER_TEXT_MAX]) {
    cvy_optimizer_settings from = defaults[settings->kind];
    from.learning_rate = 0; /* it is said in any case */
    const char *name = names[settings->kind];
    const size_t length = (size_t)snprintf(text, CVY_OPTIMIZER_TEXT_MAX, "%s:", name);
    cvy_settings_text(&(cvy_settings){"optimizer", name, keys, KEYS, settings->kind}, settings, &from, text + length,
                      CVY_OPTIMIZER_TEXT_MAX - length);
}

bool cvy_optimizer_check(const cvy_optimizer_settings *settings, cvy_status *status) {
    for (int i = 0; i < KEYS; i++) {
        const cvy_value *value = keys[i].value;
        if (value->type != CVY_NUMBER || !(keys[i].kinds >> settings->kind & 1))
            continue;
        double number = *(const double *)((const char *)settings + keys[i].offset);
        if (!(number >= value->low && number <= value->high))
            return cvy_fail(status, CVY_USAGE, "optimizer", "%s is %g; %s is expected", keys[i].name, number,
                            value->expected);
    }
    return true;
}
