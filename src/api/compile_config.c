/* Reads and writes how Keras compiles a model. No key that changes a number is ignored: what is not known, or has a
 * value that is not supported, is refused. */
#include "compile_config.h"

#include "../base/number.h"
#include "../model/keras_layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cvy_choices optimizer_choices = {"optimizers", "SGD, RMSprop, Adam or AdamW"};
const cvy_choices cvy_loss_choices = {"losses", "categorical_crossentropy or sparse_categorical_crossentropy"};
static const cvy_choices metric_choices = {"metrics", "accuracy, categorical_accuracy or sparse_categorical_accuracy"};

/* ---- Refusals --------------------------------------------------------------------------------------------------- */

/* Where something is: "compile_config, optimizer, clipnorm". */
typedef struct place {
    const char *outer, *key; /* outer may be NULL */
    cvy_refusals *refusals;
} place;

/* One of both says what is expected. Returns false. */
static bool refuse_as(const place *at, const json_t *value, const char *expected, const cvy_choices *choices) {
    char where[256], found[CVY_QUOTE_MAX];
    snprintf(where, sizeof where, "compile_config%s%s, %.120s", at->outer ? ", " : "", at->outer ? at->outer : "",
             at->key);
    cvy_json_quote(value, found);
    if (choices)
        return cvy_refuse(at->refusals, where, choices, "%s", found);
    return cvy_refuse(at->refusals, where, NULL, "%s, expected %s", found, expected);
}

static bool refuse(const place *at, const json_t *value, const char *expected) {
    return refuse_as(at, value, expected, NULL);
}

static bool only_null(const place *at, const json_t *value) {
    return json_is_null(value) || refuse(at, value, "null: it is not supported");
}

/* ---- Values ----------------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names) {
    for (; name && *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

static bool is_number(const json_t *value, double number) {
    return json_is_number(value) && json_number_value(value) == number;
}

/* The only element of an array, of an object of outputs; the value itself if it is neither. */
static const json_t *only_output(const json_t *value) {
    if (json_is_array(value) && json_array_size(value) == 1)
        return json_array_get(value, 0);
    if (json_is_object(value) && json_object_size(value) == 1)
        return json_object_iter_value(json_object_iter((json_t *)value));
    return value;
}

static bool is_function(const json_t *value) {
    const char *name = json_string_value(json_object_get(value, "class_name"));
    return name && !strcmp(name, "function");
}

/* The name of a class or function: "Adam", {"class_name": "Adam", ...}, {"class_name": "function", "config": "name"}.
 * NULL if it is not Keras's own. Keras 2 registered its optimizers as "Custom>Adam". */
static const char *keras_name(const json_t *value) {
    static const char custom[] = "Custom>";
    if (!json_is_object(value))
        return json_string_value(value);
    const char *name = json_string_value(json_object_get(value, "class_name")),
               *module = json_string_value(json_object_get(value, "module")),
               *registered = json_string_value(json_object_get(value, "registered_name"));
    if (!name)
        return NULL;
    if (is_function(value))
        return json_string_value(json_object_get(value, "config"));
    if (!strncmp(name, custom, strlen(custom)))
        return name + strlen(custom);
    const bool keras2 = module && !strncmp(module, "keras.", 6) && registered && !strncmp(registered, custom, 7);
    return cvy_json_is_keras(value) || keras2 ? name : NULL;
}

/* What a message calls the value. */
static const json_t *called(const json_t *value) {
    const json_t *name = json_object_get(value, "class_name");
    if (is_function(value))
        return json_object_get(value, "config");
    return !name ? value : keras_name(value) ? name : json_object_get(value, "registered_name");
}

/* The settings of a class; NULL, with a refusal of what is neither an object nor null. */
static json_t *config_of(const place *at, const json_t *value) {
    json_t *config = json_object_get(value, "config");
    if (config && !json_is_object(config) && !json_is_null(config))
        refuse(at, config, "an object");
    return json_is_object(config) ? config : NULL;
}

/* Keras's learning rate is a float32, and Python prints all digits of its double: 0.0010000000474974513. The shortest
 * number that rounds to that float is what the user wrote, and trains the same: 0.001. */
static double shortest(double number) {
    char text[CVY_NUMBER_MAX];
    double shorter;
    if ((double)(float)number != number)
        return number;
    for (int digits = 1; digits < 9; digits++)
        if (cvy_number_read(cvy_number_write(number, digits, text), &shorter) && (float)shorter == (float)number)
            return shorter;
    return number;
}

/* ---- Optimizer -------------------------------------------------------------------------------------------------- */

/* Into the setting of that key. */
static bool read_setting(const place *at, const cvy_key *key, const json_t *value, cvy_optimizer_settings *settings) {
    void *field = (char *)settings + key->offset;
    if (key->value->type == CVY_FLAG) {
        *(bool *)field = json_is_true(value);
        return json_is_boolean(value) || refuse(at, value, key->value->expected);
    }
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= key->value->low && number <= key->value->high))
        return refuse(at, value, key->value->expected);
    *(double *)field = number;
    return true;
}

static bool read_learning_rate(const place *at, const cvy_key *key, const json_t *value,
                               cvy_optimizer_settings *settings) {
    if (json_is_object(value))
        return refuse(at, called(value), "a number: schedules of Keras are not supported");
    if (!read_setting(at, key, value, settings))
        return false;
    settings->learning_rate = shortest(settings->learning_rate);
    return true;
}

/* Keys beside those in the table of optimizer_settings.c. */
static void read_other(const place *at, const json_t *config, const json_t *value) {
    static const char *const without_effect[] = {"name", "jit_compile", "is_legacy_optimizer", NULL};
    if (is_one_of(at->key, without_effect))
        return;
    if (!strcmp(at->key, "ema_overwrite_frequency")) {
        if (json_is_true(json_object_get(config, "use_ema")) && !json_is_null(value))
            refuse(at, value, "null: the average replaces the weights at the end of a fit");
    } else if (strcmp(at->key, "decay") != 0 || !is_number(value, 0)) { /* Keras 2: a decay of 0 is none */
        only_null(at, value);
    }
}

static void read_optimizer_config(json_t *config, bool with_rate, cvy_optimizer_settings *settings,
                                  cvy_refusals *refusals) {
    const char *name;
    json_t *value;
    json_object_foreach(config, name, value) {
        const place at = {"optimizer", name, refusals};
        const bool rate = !strcmp(name, "learning_rate") || !strcmp(name, "lr"); /* the latter in early Keras 2 */
        const cvy_key *key = cvy_optimizer_key(settings->kind, rate ? "learning_rate" : name);
        if (rate && !with_rate)
            continue;
        if (rate)
            read_learning_rate(&at, key, value, settings);
        else if (!key)
            read_other(&at, config, value);
        else if (!json_is_null(value) || strcmp(name, "weight_decay") != 0)
            read_setting(&at, key, value, settings);
    }
}

static void read_optimizer(const json_t *value, bool with_rate, cvy_optimizer_settings *settings,
                           cvy_refusals *refusals) {
    cvy_status unknown = {0};
    const place at = {NULL, "optimizer", refusals};
    const char *name = keras_name(value);
    if (!name || strchr(name, ':') || !cvy_optimizer_parse(name, settings, &unknown))
        refuse_as(&at, called(value), NULL, &optimizer_choices);
    else
        read_optimizer_config(config_of(&at, value), with_rate, settings, refusals);
}

/* ---- Loss ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *class_name;
    bool sparse;
} losses[] = {
    {"categorical_crossentropy", "CategoricalCrossentropy", false},
    {"sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", true},
};

bool cvy_loss_from_name(const char *name, bool *sparse) {
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        if (!strcmp(losses[i].name, name) || !strcmp(losses[i].class_name, name)) {
            *sparse = losses[i].sparse;
            return true;
        }
    return false;
}

static void read_loss_setting(const place *at, const json_t *value, cvy_compile_settings *settings) {
    /* Without weights of samples all of these are the mean over the images. */
    static const char *const means[] = {"sum_over_batch_size", "mean", "mean_with_sample_weight", "auto", NULL};
    const char *key = at->key, *text = json_string_value(value), *loss = losses[settings->sparse].name;
    if (!strcmp(key, "label_smoothing")) {
        settings->label_smoothing = json_number_value(value);
        if (!json_is_number(value) || !(settings->label_smoothing >= 0 && settings->label_smoothing <= 1))
            refuse(at, value, "a number from 0 to 1");
    } else if (!strcmp(key, "from_logits")) {
        if (!json_is_false(value))
            refuse(at, value, "false: the model ends in a softmax");
    } else if (!strcmp(key, "reduction")) {
        if (!is_one_of(text, means))
            refuse(at, value, "\"sum_over_batch_size\"");
    } else if (!strcmp(key, "axis")) {
        if (!is_number(value, -1))
            refuse(at, value, "-1");
    } else if (!strcmp(key, "dtype")) {
        if (!cvy_json_is_float32(value))
            refuse(at, value, "float32");
    } else if (!strcmp(key, "fn")) { /* Keras 2 */
        if (!text || strcmp(text, loss) != 0)
            refuse(at, value, loss);
    } else if (strcmp(key, "name") != 0) {
        only_null(at, value);
    }
}

static void read_loss(const json_t *value, cvy_compile_settings *settings, cvy_refusals *refusals) {
    if (!json_object_get(value, "class_name"))
        value = only_output(value);
    const place at = {NULL, "loss", refusals};
    const char *name = keras_name(value), *key;
    if (!name || !cvy_loss_from_name(name, &settings->sparse)) {
        refuse_as(&at, called(value), NULL, &cvy_loss_choices);
        return;
    }
    json_t *setting, *config = is_function(value) ? NULL : config_of(&at, value);
    json_object_foreach(config, key, setting) {
        read_loss_setting(&(place){"loss", key, refusals}, setting, settings);
    }
}

/* ---- Metrics ---------------------------------------------------------------------------------------------------- */

static bool is_accuracy(const char *name) {
    static const char *const names[] = {"accuracy",
                                        "acc",
                                        "categorical_accuracy",
                                        "sparse_categorical_accuracy",
                                        "CategoricalAccuracy",
                                        "SparseCategoricalAccuracy",
                                        NULL};
    return is_one_of(name, names);
}

static bool is_accuracy_object(const json_t *metric) {
    json_t *config = json_object_get(metric, "config");
    const json_t *dtype = json_object_get(config, "dtype");
    const char *name = keras_name(metric);
    if (name && !strcmp(name, "MeanMetricWrapper")) /* Keras 2 */
        name = json_string_value(json_object_get(config, "fn"));
    return is_accuracy(name) && (!dtype || cvy_json_is_float32(dtype));
}

/* Lists and objects of metrics, nested as Keras has them for models of several outputs. Weights of samples do not exist
 * here, so weighted metrics are the same. */
static void read_metrics(const place *at, const json_t *value) {
    const char *key;
    json_t *metric;
    size_t i;
    if (json_is_array(value)) {
        json_array_foreach(value, i, metric) {
            read_metrics(at, metric);
        }
    } else if (json_is_object(value) && !json_object_get(value, "class_name")) {
        json_object_foreach((json_t *)value, key, metric) {
            read_metrics(at, metric);
        }
    } else if (!json_is_null(value) && !is_accuracy(json_string_value(value)) && !is_accuracy_object(value)) {
        refuse_as(at, called(value), NULL, &metric_choices);
    }
}

/* ---- The whole -------------------------------------------------------------------------------------------------- */

static void read_training(const place *at, const json_t *value, cvy_compile_settings *settings) {
    static const char *const without_effect[] = {
        "optimizer", "optimizer_config", "run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss", NULL};
    if (!strcmp(at->key, "loss"))
        read_loss(value, settings, at->refusals);
    else if (!strcmp(at->key, "metrics") || !strcmp(at->key, "weighted_metrics"))
        read_metrics(at, value);
    else if (!strcmp(at->key, "loss_weights")) {
        if (!is_number(only_output(value), 1))
            only_null(at, value);
    } else if (!is_one_of(at->key, without_effect)) {
        only_null(at, value);
    }
}

void cvy_compile_config_read(json_t *config, unsigned parts, cvy_compile_settings *settings, cvy_refusals *refusals) {
    if (!config || !parts)
        return;
    if (!json_is_object(config)) {
        char found[CVY_QUOTE_MAX];
        cvy_json_quote(config, found);
        cvy_refuse(refusals, "compile_config", NULL, "%s, expected an object", found);
        return;
    }
    const json_t *optimizer = json_object_get(config, "optimizer");
    if (!optimizer)
        optimizer = json_object_get(config, "optimizer_config");
    if (optimizer && parts & CVY_COMPILE_OPTIMIZER)
        read_optimizer(optimizer, parts & CVY_COMPILE_LEARNING_RATE, &settings->optimizer, refusals);
    const char *key;
    json_t *value;
    if (parts & CVY_COMPILE_LOSS)
        json_object_foreach(config, key, value) {
            read_training(&(place){NULL, key, refusals}, value, settings);
        }
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

/* Keras writes null for no weight decay, but AdamW must have a number. */
static json_t *decay_of(const cvy_optimizer_settings *s) {
    return s->weight_decay > 0 || s->kind == CVY_ADAMW ? json_real(s->weight_decay) : json_null();
}

/* What only this kind of optimizer has. */
static json_t *own_settings(const cvy_optimizer_settings *s) {
    switch (s->kind) {
    case CVY_SGD:
        return json_pack("{s:f, s:b}", "momentum", s->momentum, "nesterov", s->nesterov);
    case CVY_RMSPROP:
        return json_pack("{s:f, s:f, s:f, s:b}", "rho", s->rho, "momentum", s->momentum, "epsilon", s->epsilon,
                         "centered", s->centered);
    case CVY_ADAM:
    case CVY_ADAMW:
        break;
    }
    return json_pack("{s:f, s:f, s:f, s:b}", "beta_1", s->beta_1, "beta_2", s->beta_2, "epsilon", s->epsilon, "amsgrad",
                     s->amsgrad);
}

/* The learning rate is Keras's float32. */
static json_t *write_optimizer(const cvy_optimizer_settings *s) {
    json_t *own = own_settings(s);
    json_t *config =
        json_pack("{s:s, s:f, s:o, s:n, s:n, s:n, s:b, s:f, s:n, s:n, s:n}", "name", cvy_optimizer_snake_name(s->kind),
                  "learning_rate", (double)(float)s->learning_rate, "weight_decay", decay_of(s), "clipnorm",
                  "global_clipnorm", "clipvalue", "use_ema", s->use_ema, "ema_momentum", s->ema_momentum,
                  "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps");
    const bool whole = own && config && !json_object_update(config, own);
    json_decref(own);
    if (whole)
        return json_pack("{s:s, s:s, s:o, s:n}", "module", "keras.optimizers", "class_name",
                         cvy_optimizer_name(s->kind), "config", config, "registered_name");
    json_decref(config);
    return NULL;
}

/* Keras's sparse loss has no label smoothing; the other does the same. */
static json_t *write_loss(const cvy_compile_settings *settings) {
    if (!(settings->label_smoothing > 0))
        return json_string(losses[settings->sparse].name);
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:b, s:f, s:i}, s:n}", "module", "keras.losses", "class_name",
                     losses[0].class_name, "config", "name", losses[0].name, "reduction", "sum_over_batch_size",
                     "from_logits", 0, "label_smoothing", settings->label_smoothing, "axis", -1, "registered_name");
}

json_t *cvy_compile_config_write(const cvy_compile_settings *settings) {
    json_t *optimizer = write_optimizer(&settings->optimizer), *loss = write_loss(settings);
    if (optimizer && loss)
        return json_pack("{s:o, s:o, s:n, s:[s], s:n, s:b, s:i, s:b}", "optimizer", optimizer, "loss", loss,
                         "loss_weights", "metrics", "accuracy", "weighted_metrics", "run_eagerly", 0,
                         "steps_per_execution", 1, "jit_compile", 0);
    json_decref(optimizer);
    json_decref(loss);
    return NULL;
}
