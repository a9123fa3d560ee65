#include "json.h"

#include "number.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- Allocations that fail -------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_malloc_t allocate; /* jansson's allocator without us */
static _Thread_local bool failed;

static void *watch(size_t bytes) {
    void *block = allocate(bytes);
    failed |= !block;
    return block;
}

/* Watches jansson's allocator, which all of the process shares. A program may have set its own. */
static void begin_watch(void) {
    json_malloc_t current;
    json_free_t release;
    pthread_mutex_lock(&lock);
    json_get_alloc_funcs(&current, &release);
    if (current != watch) {
        allocate = current;
        json_set_alloc_funcs(watch, release);
    }
    pthread_mutex_unlock(&lock);
    failed = false;
}

/* ---- Loading, writing ------------------------------------------------------------------------------------------- */

/* Arrays, objects, and elements but the first of each. */
static size_t count_values(const char *text, size_t length) {
    size_t values = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else
            values += !quoted && (text[i] == '{' || text[i] == '[' || text[i] == ',');
    }
    return values;
}

json_t *cvy_json_load(const char *text, size_t length, json_error_t *error) {
    enum { BYTES_A_VALUE = 4, FREE_VALUES = 64 };
    if (count_values(text, length) > length / BYTES_A_VALUE + FREE_VALUES) {
        *error = (json_error_t){.line = 1};
        snprintf(error->text, sizeof error->text, "too many values in %zu bytes", length);
        return NULL;
    }
    begin_watch();
    /* jansson aborts the process over a number where the locale's decimal point has more than one byte. */
    cvy_plain_numbers plain = cvy_plain_numbers_begin();
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, error);
    cvy_plain_numbers_end(plain);
    if (failed) {
        json_decref(value);
        value = NULL;
        error->text[0] = 0;
    }
    return value;
}

char *cvy_json_dump(const json_t *value, size_t flags) {
    cvy_plain_numbers plain = cvy_plain_numbers_begin();
    char *text = json_dumps(value, flags);
    cvy_plain_numbers_end(plain);
    return text;
}
