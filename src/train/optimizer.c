#include "optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/memory.h"
#include "../base/number.h"

/* ---- Names, settings and their ranges --------------------------------------------------------------------------- */

enum { KINDS = CVY_ADAMW + 1 };

static const char *const names[KINDS] = {"SGD", "RMSprop", "Adam", "AdamW"};

/* Keras's defaults. */
static const cvy_optimizer_settings defaults[KINDS] = {
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

typedef enum cvy_range { POSITIVE, NOT_NEGATIVE, BELOW_ONE, UP_TO_ONE, FLAG } cvy_range;

static const char *const allowed[] = {
    [POSITIVE] = "a number greater than 0",
    [NOT_NEGATIVE] = "a number of at least 0",
    [BELOW_ONE] = "a number of at least 0, below 1",
    [UP_TO_ONE] = "a number from 0 to 1",
    [FLAG] = "true or false",
};

typedef struct cvy_key {
    const char *name;
    unsigned kinds; /* a bit for each optimizer that has it */
    cvy_range range;
    size_t offset; /* in the settings, of a bool for a flag, else of a double */
} cvy_key;

enum {
    SGD = 1 << CVY_SGD,
    RMSPROP = 1 << CVY_RMSPROP,
    ADAMS = 1 << CVY_ADAM | 1 << CVY_ADAMW,
    ALL = SGD | RMSPROP | ADAMS
};

#define KEY(name, kinds, range)                                                                                        \
    { #name, kinds, range, offsetof(cvy_optimizer_settings, name) }
static const cvy_key keys[] = {
    KEY(learning_rate, ALL, POSITIVE),
    KEY(rho, RMSPROP, BELOW_ONE),
    KEY(momentum, SGD | RMSPROP, UP_TO_ONE),
    KEY(nesterov, SGD, FLAG),
    KEY(beta_1, ADAMS, BELOW_ONE),
    KEY(beta_2, ADAMS, BELOW_ONE),
    KEY(epsilon, RMSPROP | ADAMS, NOT_NEGATIVE),
    KEY(centered, RMSPROP, FLAG),
    KEY(amsgrad, ADAMS, FLAG),
    KEY(weight_decay, ALL, NOT_NEGATIVE),
    KEY(use_ema, ALL, FLAG),
    KEY(ema_momentum, ALL, BELOW_ONE),
};
#undef KEY
enum { KEYS = sizeof keys / sizeof *keys };

static bool has(cvy_optimizer_kind kind, const cvy_key *key) {
    return key->kinds >> kind & 1;
}

/* Kernels compute in float, so a number must be in its range there too: 1e-50 is no learning rate. */
static bool is_within(cvy_range range, double value) {
    float rounded = (float)value;
    switch (range) {
    case POSITIVE:
        return rounded > 0 && isfinite(rounded);
    case NOT_NEGATIVE:
        return value >= 0 && isfinite(rounded);
    case BELOW_ONE:
        return value >= 0 && value < 1;
    case UP_TO_ONE:
        return value >= 0 && value <= 1;
    case FLAG:
        break;
    }
    return true;
}

const char *cvy_optimizer_name(cvy_optimizer_kind kind) {
    return names[kind];
}

/* ---- Parsing ---------------------------------------------------------------------------------------------------- */

/* A stretch of the text that is parsed. */
typedef struct cvy_span {
    const char *text;
    int length;
} cvy_span;

static bool is_word(cvy_span span, const char *word) {
    return strlen(word) == (size_t)span.length && strncasecmp(span.text, word, (size_t)span.length) == 0;
}

/* Takes what stands before the next `separator`, or all that is left, off the text. */
static cvy_span take(const char **text, char separator) {
    const char *end = strchr(*text, separator);
    cvy_span span = {*text, (int)(end ? end - *text : (ptrdiff_t)strlen(*text))};
    *text = end ? end + 1 : *text + span.length;
    return span;
}

/* The kind's defaults, NULL if there is no such optimizer. */
static const cvy_optimizer_settings *find_kind(cvy_span name, cvy_status *status) {
    for (int i = 0; i < KINDS; i++)
        if (is_word(name, names[i]))
            return &defaults[i];
    cvy_fail(status, CVY_USAGE, "optimizer", "'%.*s' is unknown; there are sgd, rmsprop, adam, adamw", name.length,
             name.text);
    return NULL;
}

/* NULL if the optimizer has no such setting. */
static const cvy_key *find_key(cvy_optimizer_kind kind, cvy_span name, cvy_status *status) {
    char list[160] = "";
    for (int i = 0; i < KEYS; i++) {
        if (!has(kind, &keys[i]))
            continue;
        if (is_word(name, keys[i].name) || (i == 0 && is_word(name, "lr")))
            return &keys[i];
        if (*list)
            strcat(list, ", ");
        strcat(list, keys[i].name);
    }
    cvy_fail(status, CVY_USAGE, "optimizer", "%s has no setting '%.*s'; it has %s", names[kind], name.length, name.text,
             list);
    return NULL;
}

static bool parse_number(cvy_span value, double *number) {
    const char *end;
    return value.length > 0 && cvy_read_number(value.text, number, &end) && end == value.text + value.length;
}

static bool parse_flag(cvy_span value, bool *flag) {
    *flag = is_word(value, "true");
    return *flag || is_word(value, "false");
}

static bool parse_value(const cvy_key *key, cvy_span value, void *field) {
    if (key->range == FLAG)
        return parse_flag(value, field);
    double *number = field;
    return parse_number(value, number) && is_within(key->range, *number);
}

/* KEY=VALUE, or KEY alone for a flag. `given` has a bit for each key that was given before. */
static bool parse_setting(cvy_span setting, unsigned *given, cvy_optimizer_settings *settings, cvy_status *status) {
    const char *optimizer = names[settings->kind];
    cvy_span name = setting, value = {"true", 4};
    const char *equals = memchr(setting.text, '=', (size_t)setting.length);
    if (equals) {
        name.length = (int)(equals - setting.text);
        value = (cvy_span){equals + 1, setting.length - name.length - 1};
    }
    const cvy_key *key = find_key(settings->kind, name, status);
    if (!key)
        return false;
    unsigned bit = 1u << (key - keys);
    if (*given & bit)
        return cvy_fail(status, CVY_USAGE, "optimizer", "%s: %s is given twice", optimizer, key->name);
    *given |= bit;
    if (!equals && key->range != FLAG)
        return cvy_fail(status, CVY_USAGE, "optimizer", "%s: %s has no value; %s is expected", optimizer, key->name,
                        allowed[key->range]);
    if (!parse_value(key, value, (char *)settings + key->offset))
        return cvy_fail(status, CVY_USAGE, "optimizer", "%s: %s is '%.*s'; %s is expected", optimizer, key->name,
                        value.length, value.text, allowed[key->range]);
    return true;
}

bool cvy_optimizer_parse(const char *text, cvy_optimizer_settings *settings, cvy_status *status) {
    if (!cvy_ok(status))
        return false;
    bool more = strchr(text, ':');
    const cvy_optimizer_settings *kind = find_kind(take(&text, ':'), status);
    if (!kind)
        return false;
    cvy_optimizer_settings parsed = *kind;
    unsigned given = 0;
    while (more) {
        more = strchr(text, ',');
        if (!parse_setting(take(&text, ','), &given, &parsed, status))
            return false;
    }
    *settings = parsed;
    return true;
}

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

long cvy_optimizer_parameters(const cvy_optimizer_settings *settings, size_t parameters) {
    return (long)parameters * cvy_optimizer_slots(settings) + 2;
}

static bool check(const cvy_optimizer_settings *settings, cvy_status *status) {
    for (int i = 0; i < KEYS; i++) {
        if (!has(settings->kind, &keys[i]) || keys[i].range == FLAG)
            continue;
        double value = *(const double *)((const char *)settings + keys[i].offset);
        if (!is_within(keys[i].range, value))
            return cvy_fail(status, CVY_USAGE, "optimizer", "%s: %s is %g; %s is expected", names[settings->kind],
                            keys[i].name, value, allowed[keys[i].range]);
    }
    return true;
}

bool cvy_optimizer_create(cvy_optimizer *optimizer, const cvy_optimizer_settings *settings, size_t floats,
                          cvy_status *status) {
    *optimizer = (cvy_optimizer){.settings = *settings,
                                 .beta_1 = (float)settings->beta_1,
                                 .beta_2 = (float)settings->beta_2,
                                 .beta_1_power = 1,
                                 .beta_2_power = 1};
    if (!cvy_ok(status) || !check(settings, status))
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
