/* JSON by jansson, which aborts the process over a number where the locale's decimal point has more than one byte. */
#ifndef CVY_JSON_H
#define CVY_JSON_H

#include <jansson.h>

#include "number.h"

/* json_loadb and json_dumps, in every locale. A name that an object holds twice is an error. */
static inline json_t *cvy_json_load(const char *text, size_t length, json_error_t *error) {
    cvy_plain_numbers plain = cvy_plain_numbers_begin();
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, error);
    cvy_plain_numbers_end(plain);
    return value;
}

static inline char *cvy_json_dump(const json_t *value, size_t flags) {
    cvy_plain_numbers plain = cvy_plain_numbers_begin();
    char *text = json_dumps(value, flags);
    cvy_plain_numbers_end(plain);
    return text;
}

#endif
