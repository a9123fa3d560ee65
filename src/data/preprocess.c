#include "preprocess.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/number.h"

const cvy_preprocessing cvy_preprocessing_none = {.scale = 1, .variance = 1};

/* ---- Keys ------------------------------------------------------------------------------------------------------- */

typedef enum cvy_value { FLAG, EXTENTS, NUMBER, POSITIVE, SHIFT } cvy_value;

static const char *const allowed[] = {
    [FLAG] = "nothing",
    [EXTENTS] = "H or HxW, whole numbers of at least 1",
    [NUMBER] = "a number, or a quotient of two",
    [POSITIVE] = "a number above 0, or a quotient of two",
    [SHIFT] = "a whole number from 1 to 8",
};

typedef struct cvy_key {
    const char *name;
    cvy_value value;
    size_t offset; /* in cvy_preprocessing */
} cvy_key;

#define KEY(name, value)                                                                                               \
    { #name, value, offsetof(cvy_preprocessing, name) }
static const cvy_key keys[] = {
    KEY(deskew, FLAG),
    KEY(center_crop, EXTENTS),
    KEY(scale, NUMBER),
    KEY(offset, NUMBER),
    KEY(mean, NUMBER),
    KEY(variance, POSITIVE),
    KEY(average_pooling, EXTENTS),
    KEY(test_shift, SHIFT),
};
#undef KEY
enum { KEYS = sizeof keys / sizeof *keys };

/* ---- Parsing ---------------------------------------------------------------------------------------------------- */

/* A whole number from 1 to `most` that ends where *end then is. */
static bool parse_whole(const char *text, long most, int *number, const char **end) {
    char *stop;
    if (*text < '0' || *text > '9')
        return false;
    long value = strtol(text, &stop, 10);
    *number = (int)value;
    *end = stop;
    return value >= 1 && value <= most;
}

static bool parse_extents(const char *text, int extents[2]) {
    const char *end;
    if (!parse_whole(text, INT_MAX, &extents[0], &end))
        return false;
    extents[1] = extents[0];
    return !*end || (*end == 'x' && parse_whole(end + 1, INT_MAX, &extents[1], &end) && !*end);
}

/* Kernels compute in float: a number must be one there, too. */
static bool parse_number(const char *text, double *number) {
    const char *end;
    double divisor = 1;
    if (!cvy_read_number(text, number, &end) || (*end == '/' && !cvy_read_number(end + 1, &divisor, &end)))
        return false;
    *number /= divisor;
    return !*end && isfinite((float)*number);
}

static bool parse_value(const cvy_key *key, const char *value, void *field) {
    const char *end;
    switch (key->value) {
    case FLAG:
        *(bool *)field = true;
        return !value;
    case EXTENTS:
        return value && parse_extents(value, field);
    case NUMBER:
        return value && parse_number(value, field);
    case POSITIVE:
        return value && parse_number(value, field) && (float)*(double *)field > 0;
    case SHIFT:
        return value && parse_whole(value, CVY_SHIFT_MAX, field, &end) && !*end;
    }
    return false;
}

/* KEY or KEY=VALUE, which is cut at the sign. `given` has a bit for each key that was given before. */
static bool parse_step(char *step, unsigned *given, cvy_preprocessing *preprocessing, cvy_status *status) {
    char *value = strchr(step, '=');
    if (value)
        *value++ = 0;
    for (int i = 0; i < KEYS; i++) {
        if (strcmp(step, keys[i].name))
            continue;
        if (*given >> i & 1)
            return cvy_fail(status, CVY_USAGE, "preprocessing", "%s is given twice", step);
        *given |= 1u << i;
        return parse_value(&keys[i], value, (char *)preprocessing + keys[i].offset) ||
               cvy_fail(status, CVY_USAGE, "preprocessing", "%s is '%s'; %s is expected", step, value ? value : "",
                        allowed[keys[i].value]);
    }
    return cvy_fail(status, CVY_USAGE, "preprocessing",
                    "'%s' is unknown; there are deskew, center_crop, scale, offset, mean, variance, average_pooling, "
                    "test_shift",
                    step);
}

bool cvy_preprocessing_parse(const char *text, cvy_preprocessing *preprocessing, cvy_status *status) {
    char copy[CVY_PREPROCESSING_MAX];
    if (!cvy_ok(status))
        return false;
    cvy_preprocessing parsed = cvy_preprocessing_none;
    if (strlen(text) >= sizeof copy)
        return cvy_fail(status, CVY_USAGE, "preprocessing", "more than %zu characters", sizeof copy - 1);
    strcpy(copy, strcmp(text, "none") ? text : "");
    unsigned given = 0;
    for (char *step = *copy ? copy : NULL, *next; step; step = next) {
        next = strchr(step, ',');
        if (next)
            *next++ = 0;
        if (!parse_step(step, &given, &parsed, status))
            return false;
    }
    *preprocessing = parsed;
    return true;
}

/* ---- Text ------------------------------------------------------------------------------------------------------- */

static bool is_default(const cvy_key *key, const void *field) {
    const void *none = (const char *)&cvy_preprocessing_none + key->offset;
    switch (key->value) {
    case FLAG:
        return !*(const bool *)field;
    case EXTENTS:
    case SHIFT:
        return *(const int *)field == 0;
    case NUMBER:
    case POSITIVE:
        break;
    }
    return *(const double *)field == *(const double *)none;
}

void cvy_preprocessing_text(const cvy_preprocessing *preprocessing, char text[static CVY_PREPROCESSING_MAX]) {
    enum { MAX = CVY_PREPROCESSING_MAX };
    size_t length = 0;
    for (int i = 0; i < KEYS && length < MAX; i++) {
        const void *field = (const char *)preprocessing + keys[i].offset;
        const int *whole = field;
        const double *number = field;
        char *to = text + length;
        if (is_default(&keys[i], field))
            continue;
        const char *comma = length ? "," : "";
        if (keys[i].value == FLAG)
            length += (size_t)snprintf(to, MAX - length, "%s%s", comma, keys[i].name);
        else if (keys[i].value == EXTENTS)
            length += (size_t)snprintf(to, MAX - length, "%s%s=%dx%d", comma, keys[i].name, whole[0], whole[1]);
        else if (keys[i].value == SHIFT)
            length += (size_t)snprintf(to, MAX - length, "%s%s=%d", comma, keys[i].name, *whole);
        else
            length += (size_t)snprintf(to, MAX - length, "%s%s=%.17g", comma, keys[i].name, *number);
    }
    if (!length)
        strcpy(text, "none");
}

/* ---- Extents ---------------------------------------------------------------------------------------------------- */

bool cvy_preprocessing_extents(const cvy_preprocessing *preprocessing, const char *where, int *height, int *width,
                               cvy_status *status) {
    const int *crop = preprocessing->center_crop, *pool = preprocessing->average_pooling;
    if (crop[0] > *height || crop[1] > *width)
        return cvy_fail(status, CVY_FAILED, where, "images of %d x %d have no central %d x %d", *height, *width,
                        crop[0], crop[1]);
    if (crop[0]) {
        *height = crop[0];
        *width = crop[1];
    }
    if (pool[0] > *height || pool[1] > *width)
        return cvy_fail(status, CVY_FAILED, where, "images of %d x %d have no window of %d x %d to pool", *height,
                        *width, pool[0], pool[1]);
    if (pool[0]) {
        *height /= pool[0];
        *width /= pool[1];
    }
    return true;
}
