/* JSON by jansson: in any locale, for texts that may be hostile, and for a machine that may be out of memory. */
#ifndef CVY_JSON_H
#define CVY_JSON_H

#include <jansson.h>

/* json_loadb. An error, with a text but for lack of memory, are also: a name that an object holds twice; more values
 * than one for four bytes, which would take far more memory than the text; an allocation that failed, after which
 * jansson can go on with a string that lacks a character. */
json_t *cvy_json_load(const char *text, size_t length, json_error_t *error);

/* json_dumps. */
char *cvy_json_dump(const json_t *value, size_t flags);

#endif
