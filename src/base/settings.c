#include "settings.h"

#include "number.h"
#include "text.h"

#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const cvy_value cvy_value_flag = {CVY_FLAG, 0, 1, "true or false"};
const cvy_value cvy_value_extents = {CVY_EXTENTS, 1, INT_MAX, "H or HxW, whole numbers of at least 1,"};
const cvy_value cvy_value_number = {CVY_NUMBER, -FLT_MAX, FLT_MAX, "a number"};
const cvy_value cvy_value_positive = {CVY_NUMBER, FLT_TRUE_MIN, FLT_MAX, "a number above 0"};
const cvy_value cvy_value_not_negative = {CVY_NUMBER, 0, FLT_MAX, "a number of at least 0"};
const cvy_value cvy_value_below_one = {CVY_NUMBER, 0, 1 - DBL_EPSILON / 2, "a number from 0 to less than 1"};
const cvy_value cvy_value_up_to_one = {CVY_NUMBER, 0, 1, "a number from 0 to 1"};

/* ---- Values ----------------------------------------------------------------------------------------------------- */

static bool is_word(cvy_span span, const char *word) {
    return strlen(word) == (size_t)span.length && strncasecmp(span.text, word, (size_t)span.length) == 0;
}

/* As cvy_number_read, for whole numbers. */
static const char *read_whole(const char *text, const cvy_value *value, int *number) {
    char *end;
    if (*text < '0' || *text > '9')
        return NULL;
    long wide = strtol(text, &end, 10);
    *number = (int)wide;
    return (double)wide >= value->low && (double)wide <= value->high ? end : NULL;
}

bool cvy_value_parse(const cvy_value *value, cvy_span span, void *field) {
    const char *end = NULL;
    int *whole = field;
    double *number = field, divisor = 1;
    cvy_float_environment before;
    switch (value->type) {
    case CVY_FLAG:
        *(bool *)field = is_word(span, "true");
        return *(bool *)field || is_word(span, "false");
    case CVY_WHOLE:
        end = read_whole(span.text, value, whole);
        break;
    case CVY_EXTENTS:
        end = read_whole(span.text, value, &whole[0]);
        whole[1] = whole[0];
        if (end && *end == 'x')
            end = read_whole(end + 1, value, &whole[1]);
        break;
    case CVY_NUMBER:
        end = cvy_number_read(span.text, number);
        if (end && *end == '/')
            end = cvy_number_read(end + 1, &divisor);
        if (!end)
            return false;
        before = cvy_float_enter();
        *number /= divisor;
        cvy_float_leave(before);
        if (!(*number >= value->low && *number <= value->high))
            return false;
        break;
    }
    return end == span.text + span.length;
}

/* ---- Lists ------------------------------------------------------------------------------------------------------ */

/* Takes the part before the separator, or the whole rest, off the text. The text is NULL after the last part. */
static cvy_span take(const char **text, char separator) {
    const char *end = strchr(*text, separator);
    cvy_span span = {*text, (int)(end ? (size_t)(end - *text) : strlen(*text))};
    *text = end ? end + 1 : NULL;
    return span;
}

static void add_name(char list[static 256], const char *name) {
    size_t length = strlen(list);
    snprintf(list + length, 256 - length, "%s%s", length ? ", " : "", name);
}

int cvy_settings_name(const char **text, const char *const *names, int count, const char *where, cvy_status *status) {
    char list[256] = "";
    if (!cvy_ok(status))
        return -1;
    cvy_span name = take(text, ':');
    for (int i = 0; i < count; i++) {
        if (is_word(name, names[i]))
            return i;
        add_name(list, names[i]);
    }
    cvy_fail(status, CVY_USAGE, where, "'%.*s' is unknown; there are %s", name.length, name.text, list);
    return -1;
}

static const cvy_key *find_key(const cvy_settings *s, cvy_span name) {
    for (int i = 0; i < s->count; i++)
        if ((s->keys[i].kinds >> s->kind & 1) &&
            (is_word(name, s->keys[i].name) || (s->keys[i].alias && is_word(name, s->keys[i].alias))))
            return &s->keys[i];
    return NULL;
}

static bool fail_unknown(const cvy_settings *s, cvy_span name, cvy_status *status) {
    char list[256] = "";
    for (int i = 0; i < s->count; i++)
        if (s->keys[i].kinds >> s->kind & 1)
            add_name(list, s->keys[i].name);
    if (s->name)
        return cvy_fail(status, CVY_USAGE, s->where, "%s has no setting '%.*s'; it has %s", s->name, name.length,
                        name.text, list);
    return cvy_fail(status, CVY_USAGE, s->where, "'%.*s' is unknown; there are %s", name.length, name.text, list);
}

/* KEY=VALUE, or KEY alone. `given` has a bit for each key that was given before. */
static bool parse_setting(cvy_span key, const cvy_settings *s, unsigned *given, void *object, cvy_status *status) {
    cvy_span value = {NULL, 0};
    const char *equals = memchr(key.text, '=', (size_t)key.length);
    if (equals) {
        value = (cvy_span){equals + 1, (int)(key.text + key.length - equals) - 1};
        key.length = (int)(equals - key.text);
    }
    const cvy_key *found = find_key(s, key);
    if (!found)
        return equals && s->other ? s->other(key, value, object, status) : fail_unknown(s, key, status);
    if (*given >> (found - s->keys) & 1)
        return cvy_fail(status, CVY_USAGE, s->where, "%s is given twice", found->name);
    *given |= 1u << (found - s->keys);
    if (!equals && found->value->type == CVY_FLAG)
        value = (cvy_span){"true", 4};
    else if (!equals)
        return cvy_fail(status, CVY_USAGE, s->where, "%s has no value; %s is expected", found->name,
                        found->value->expected);
    return cvy_value_parse(found->value, value, (char *)object + found->offset) ||
           cvy_fail(status, CVY_USAGE, s->where, "%s is '%.*s'; %s is expected", found->name, value.length, value.text,
                    found->value->expected);
}

bool cvy_settings_parse(const char *text, const cvy_settings *settings, void *object, cvy_status *status) {
    unsigned given = 0;
    while (text)
        if (!parse_setting(take(&text, ','), settings, &given, object, status))
            return false;
    return true;
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

/* Fifteen digits if they are the number, as they are where a user wrote so many. */
static void append_number(char *text, size_t size, double number) {
    char digits[CVY_NUMBER_MAX];
    double read = 0;
    cvy_number_read(cvy_number_write(number, 15, digits), &read);
    cvy_append(text, size, "=%s", read == number ? digits : cvy_number_write(number, 17, digits));
}

static void append_value(char *text, size_t size, cvy_value_type type, const void *field) {
    const int *whole = field;
    switch (type) {
    case CVY_FLAG:
        cvy_append(text, size, "%s", *(const bool *)field ? "" : "=false");
        break;
    case CVY_WHOLE:
        cvy_append(text, size, "=%d", *whole);
        break;
    case CVY_EXTENTS:
        cvy_append(text, size, "=%dx%d", whole[0], whole[1]);
        break;
    case CVY_NUMBER:
        append_number(text, size, *(const double *)field);
        break;
    }
}

void cvy_settings_text(const cvy_settings *s, const void *object, const void *defaults, char *text, size_t size) {
    static const size_t sizes[] = {[CVY_FLAG] = sizeof(bool),
                                   [CVY_WHOLE] = sizeof(int),
                                   [CVY_EXTENTS] = sizeof(int[2]),
                                   [CVY_NUMBER] = sizeof(double)};
    *text = '\0';
    for (int i = 0; i < s->count; i++) {
        const cvy_key *key = &s->keys[i];
        const void *field = (const char *)object + key->offset, *other = (const char *)defaults + key->offset;
        if (!(key->kinds >> s->kind & 1) || !memcmp(field, other, sizes[key->value->type]))
            continue;
        cvy_append(text, size, "%s%s", *text ? "," : "", key->name);
        append_value(text, size, key->value->type, field);
    }
}
