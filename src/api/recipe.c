/* The public API: recipes, built in and from files. */
#include "recipe.h"

#include "../base/file.h"
#include "../base/json.h"
#include "../data/preprocess.h"
#include "../train/optimizer.h"
#include "../train/schedule.h"
#include "checkpoint.h"
#include "formats.h"
#include "model.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A recipe and the texts that its fields point to. */
typedef struct cvy_recipe_object {
    cvy_recipe recipe; /* first: a cvy_recipe * is one of these */
    json_t *json;
    char *network;
} cvy_recipe_object;

/* ---- Fields ----------------------------------------------------------------------------------------------------- */

typedef enum cvy_field_kind { TEXT, WHOLE, COUNT, NUMBER, SEED } cvy_field_kind;

typedef struct cvy_field {
    const char *key;
    cvy_field_kind kind;
    size_t offset;    /* in cvy_recipe */
    double low, high; /* of numbers */
} cvy_field;

#define FIELD(key, kind, member, low, high)                                                                            \
    { key, kind, offsetof(cvy_recipe, member), low, high }
static const cvy_field fields[] = {
    FIELD("name", TEXT, name, 0, 0),
    FIELD("about", TEXT, about, 0, 0),
    FIELD("preprocessing", TEXT, preprocessing, 0, 0),
    FIELD("random_shift", WHOLE, fit.random_shift, 0, CVY_SHIFT_MAX),
    FIELD("optimizer", TEXT, compile.optimizer, 0, 0),
    FIELD("schedule", TEXT, fit.schedule, 0, 0),
    FIELD("label_smoothing", NUMBER, compile.label_smoothing, 0, 1),
    FIELD("batch", WHOLE, fit.batch_size, 1, 1e9),
    FIELD("epochs", WHOLE, fit.epochs, 1, 1e6),
    FIELD("images", COUNT, fit.images, 1, 1e15),
    FIELD("seed", SEED, compile.seed, 0, 0),
    FIELD("validation_split", NUMBER, fit.validation_split, 0, 0.999999),
};

static const cvy_field measured_fields[] = {
    FIELD("accuracy", NUMBER, measured.accuracy, 0, 1),
    FIELD("deviation", NUMBER, measured.deviation, 0, 1),
    FIELD("minimum", NUMBER, measured.minimum, 0, 1),
    FIELD("seeds", WHOLE, measured.seeds, 1, 1e9),
};
#undef FIELD

static const cvy_field *find_field(const cvy_field *list, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i].key, key))
            return &list[i];
    return NULL;
}

static bool read_field(const cvy_field *field, const json_t *value, cvy_recipe *recipe, cvy_status *status) {
    void *to = (char *)recipe + field->offset;
    if (field->kind == TEXT) {
        if (!json_is_string(value) || !*json_string_value(value))
            return cvy_fail(status, CVY_FAILED, field->key, "expected a text");
        *(const char **)to = json_string_value(value);
        return true;
    }
    bool whole = field->kind != NUMBER;
    if (!json_is_number(value) || (whole && !json_is_integer(value)))
        return cvy_fail(status, CVY_FAILED, field->key, "expected a %snumber", whole ? "whole " : "");
    if (field->kind == SEED) {
        *(uint64_t *)to = (uint64_t)json_integer_value(value);
        return json_integer_value(value) >= 0 || cvy_fail(status, CVY_FAILED, field->key, "expected at least 0");
    }
    double number = json_number_value(value);
    if (!(number >= field->low && number <= field->high))
        return cvy_fail(status, CVY_FAILED, field->key, "%.9g, expected a number from %.9g to %.9g", number, field->low,
                        field->high);
    if (field->kind == WHOLE)
        *(int *)to = (int)number;
    else if (field->kind == COUNT)
        *(size_t *)to = (size_t)number;
    else
        *(double *)to = number;
    return true;
}

static bool read_measured(json_t *object, cvy_recipe *recipe, cvy_status *status) {
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return cvy_fail(status, CVY_FAILED, "measured", "expected an object");
    json_object_foreach(object, key, value) {
        const cvy_field *field = find_field(measured_fields, sizeof measured_fields / sizeof *measured_fields, key);
        if (!field)
            return cvy_fail(status, CVY_FAILED, "measured", "the key \"%.80s\" is not known", key);
        if (!read_field(field, value, recipe, status))
            return false;
    }
    return true;
}

/* A name, or Keras's object as the text that it came from. */
static bool read_network(json_t *value, cvy_recipe_object *object, cvy_status *status) {
    if (json_is_string(value)) {
        object->recipe.network = json_string_value(value);
        return true;
    }
    if (!json_is_object(value))
        return cvy_fail(status, CVY_FAILED, "network", "expected a name, or what Keras's model.to_json() writes");
    object->recipe.network = object->network = cvy_json_dump(value, JSON_COMPACT);
    return object->network || cvy_fail_memory(status, "network", 0);
}

/* ---- A recipe --------------------------------------------------------------------------------------------------- */

static bool read_fields(cvy_recipe_object *object, cvy_status *status) {
    const char *key;
    json_t *value;
    cvy_recipe *recipe = &object->recipe;
    json_object_foreach(object->json, key, value) {
        const cvy_field *field = find_field(fields, sizeof fields / sizeof *fields, key);
        if (field) {
            if (!read_field(field, value, recipe, status))
                return false;
        } else if (!strcmp(key, "network")) {
            if (!read_network(value, object, status))
                return false;
        } else if (!strcmp(key, "measured")) {
            if (!read_measured(value, recipe, status))
                return false;
        } else {
            return cvy_fail(status, CVY_FAILED, key, "a key that is not known");
        }
    }
    return true;
}

/* Whether the field is not zero. */
static bool is_set(const cvy_field *field, const cvy_recipe *recipe) {
    static const char zeros[sizeof(void *)];
    static const size_t sizes[] = {[TEXT] = sizeof(char *),
                                   [WHOLE] = sizeof(int),
                                   [COUNT] = sizeof(size_t),
                                   [NUMBER] = sizeof(double),
                                   [SEED] = sizeof(uint64_t)};
    return memcmp((const char *)recipe + field->offset, zeros, sizes[field->kind]) != 0;
}

static json_t *write_field(const cvy_field *field, const cvy_recipe *recipe) {
    const void *from = (const char *)recipe + field->offset;
    switch (field->kind) {
    case TEXT:
        return json_string(*(const char *const *)from);
    case WHOLE:
        return json_integer(*(const int *)from);
    case COUNT:
        return json_integer((json_int_t) * (const size_t *)from);
    case SEED:
        return json_integer((json_int_t) * (const uint64_t *)from);
    case NUMBER:
        break;
    }
    return json_real(*(const double *)from);
}

json_t *cvy_recipe_to_json(const cvy_recipe *recipe) {
    json_t *object = json_object();
    bool good = !json_object_set_new(object, "network", json_string(recipe->network));
    for (size_t i = 0; good && i < sizeof fields / sizeof *fields; i++)
        good =
            !is_set(&fields[i], recipe) || !json_object_set_new(object, fields[i].key, write_field(&fields[i], recipe));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

/* What is missing, doubled, or means nothing. */
static bool check(const cvy_recipe *recipe, cvy_status *status) {
    cvy_preprocessing preprocessing;
    cvy_optimizer_settings optimizer;
    cvy_schedule schedule;
    if (!recipe->name || !recipe->network)
        return cvy_fail(status, CVY_FAILED, recipe->name ? "network" : "name", "missing");
    if (!recipe->fit.epochs == !recipe->fit.images)
        return cvy_fail(status, CVY_FAILED, "images", "%s",
                        recipe->fit.images ? "given together with epochs; give one of them"
                                           : "missing, and so is epochs; give one of them");
    return (!recipe->preprocessing || cvy_preprocessing_parse(recipe->preprocessing, &preprocessing, status)) &&
           (!recipe->compile.optimizer || cvy_optimizer_parse(recipe->compile.optimizer, &optimizer, status)) &&
           (!recipe->fit.schedule || cvy_schedule_parse(recipe->fit.schedule, &schedule, status));
}

/* Puts the file in front of where the error is. A bad file is a failure, not wrong usage. */
static void name_origin(const char *origin, cvy_status *status) {
    char where[sizeof status->where];
    snprintf(where, sizeof where, "%.255s%s%.250s", origin, *status->where ? ": " : "", status->where);
    memcpy(status->where, where, sizeof where);
    status->code = CVY_FAILED;
}

static bool read_object(cvy_recipe_object *object, const char *text, size_t length, cvy_status *status) {
    json_error_t error;
    object->json = cvy_json_load(text, length, &error);
    if (!object->json)
        return cvy_fail(status, CVY_FAILED, "", "line %d, column %d: %s", error.line, error.column,
                        *error.text ? error.text : "out of memory");
    if (!json_is_object(object->json))
        return cvy_fail(status, CVY_FAILED, "", "not a recipe: expected an object");
    return read_fields(object, status) && check(&object->recipe, status);
}

cvy_recipe *cvy_recipe_parse(const char *text, size_t length, const char *origin, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    cvy_recipe_object *object = calloc(1, sizeof *object);
    if (!object) {
        cvy_fail_memory(status, origin, sizeof *object);
        return NULL;
    }
    if (read_object(object, text, length, status))
        return &object->recipe;
    name_origin(origin, status);
    cvy_recipe_free(&object->recipe);
    return NULL;
}

void cvy_recipe_free(cvy_recipe *recipe) {
    cvy_recipe_object *object = (cvy_recipe_object *)recipe;
    if (!object)
        return;
    json_decref(object->json);
    free(object->network);
    free(object);
}

/* ---- By name or from a file ------------------------------------------------------------------------------------- */

const char *cvy_recipe_name(int i) {
    for (int k = 0; k < i && i >= 0; k++)
        if (!cvy_recipe_files[k].name)
            return NULL;
    return i < 0 ? NULL : cvy_recipe_files[i].name;
}

enum { MAX_FILE = 1 << 20 };

/* The text of a recipe's file, or what a checkpoint says. */
static char *read_text(const char *path, cvy_status *status) {
    const char *what;
    size_t length;
    struct stat entry;
    const bool pipe = stat(path, &entry) == 0 && !S_ISREG(entry.st_mode);
    cvy_file_kind kind = pipe ? CVY_FILE_UNKNOWN : cvy_file_kind_of(path, &what, status);
    if (!cvy_ok(status))
        return NULL;
    return kind == CVY_FILE_SAFETENSORS ? cvy_checkpoint_recipe(path, status)
                                        : cvy_file_read_text(path, MAX_FILE, "recipe", &length, status);
}

static cvy_recipe *read_file(const char *path, cvy_status *status) {
    char *text = read_text(path, status);
    if (!text)
        return NULL;
    cvy_recipe *recipe = cvy_recipe_parse(text, strlen(text), path, status);
    free(text);
    return recipe;
}

cvy_recipe *cvy_recipe_from(const char *name_or_file, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ok(status))
        return NULL;
    if (!name_or_file)
        name_or_file = cvy_recipe_files[0].name;
    for (const cvy_recipe_file *file = cvy_recipe_files; file->name; file++)
        if (!strcmp(file->name, name_or_file))
            return cvy_recipe_parse(file->text, strlen(file->text), name_or_file, status);
    if (!access(name_or_file, F_OK))
        return read_file(name_or_file, status);
    char list[256] = "";
    for (const cvy_recipe_file *file = cvy_recipe_files; file->name; file++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? ", " : "", file->name);
    cvy_fail(status, CVY_FAILED, name_or_file, "no such file, nor a built-in recipe (%s)", list);
    return NULL;
}

cvy_model *cvy_recipe_model(const cvy_recipe *recipe, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(recipe, "recipe", status) || !cvy_given(recipe->network, "network", status))
        return NULL;
    cvy_model *model = cvy_model_described(recipe->network, recipe->name ? recipe->name : "recipe", status);
    cvy_preprocess(model, recipe->preprocessing, status);
    if (cvy_ok(status))
        return model;
    cvy_model_free(model);
    return NULL;
}
