#include "refusals.h"

#include "number.h"
#include "printable.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void add_choices(cvy_refusals *refusals, const cvy_choices *choices) {
    const size_t most = sizeof refusals->choices / sizeof *refusals->choices - 1;
    size_t i = 0;
    while (i < most && refusals->choices[i] && refusals->choices[i] != choices)
        i++;
    if (i < most)
        refusals->choices[i] = choices;
}

bool cvy_refuse(cvy_refusals *refusals, const char *where, const cvy_choices *expected, const char *what, ...) {
    char place[sizeof refusals->where], text[sizeof refusals->what], line[400];
    snprintf(place, sizeof place, "%s", where);
    va_list arguments;
    va_start(arguments, what);
    cvy_format(text, sizeof text, what, arguments);
    va_end(arguments);
    cvy_text_make_printable(place, 0);
    cvy_text_make_printable(text, 0);
    if (refusals->count++ == 0) {
        memcpy(refusals->where, place, sizeof place);
        memcpy(refusals->what, text, sizeof text);
        refusals->expected = expected;
    }
    if (expected)
        add_choices(refusals, expected);
    snprintf(line, sizeof line, "\n  %.180s%s%.200s", place, *place ? ": " : "", text);
    bool fits = strlen(refusals->list) + strlen(line) < sizeof refusals->list;
    if (fits && refusals->listed == refusals->count - 1) {
        cvy_append(refusals->list, sizeof refusals->list, "%s", line);
        refusals->listed++;
    }
    return false;
}

bool cvy_refuse_error(cvy_refusals *refusals, const cvy_status *error) {
    return cvy_ok(error) || cvy_refuse(refusals, error->where, NULL, "%s", error->what);
}

bool cvy_refusals_report(const cvy_refusals *refusals, const char *origin, cvy_status *status) {
    if (refusals->count == 0)
        return true;
    char text[sizeof status->what] = "";
    if (refusals->count == 1) {
        char where[sizeof status->where];
        snprintf(where, sizeof where, "%.250s%s%s", origin, *refusals->where ? ": " : "", refusals->where);
        cvy_append(text, sizeof text, "%s", refusals->what);
        if (refusals->expected)
            cvy_append(text, sizeof text, ", expected %s", refusals->expected->list);
        return cvy_fail(status, CVY_FAILED, where, "%s", text);
    }
    cvy_append(text, sizeof text, "%d things are not supported:%s", refusals->count, refusals->list);
    if (refusals->listed < refusals->count)
        cvy_append(text, sizeof text, "\n  and %d more", refusals->count - refusals->listed);
    for (int i = 0; refusals->choices[i]; i++)
        cvy_append(text, sizeof text, "\nSupported %s: %s", refusals->choices[i]->topic, refusals->choices[i]->list);
    return cvy_fail(status, CVY_FAILED, origin, "%s", text);
}
