#include "status.h"

#include "printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

bool cvy_fail(cvy_status *status, cvy_code code, const char *where, const char *what, ...) {
    if (!cvy_ok(status))
        return false;
    status->code = code;
    snprintf(status->where, sizeof status->where, "%s", where);
    va_list arguments;
    va_start(arguments, what);
    cvy_format(status->what, sizeof status->what, what, arguments);
    va_end(arguments);
    cvy_text_make_printable(status->where, 0);
    cvy_text_make_printable(status->what, '\n'); /* a list has lines (refusals.h) */
    return false;
}

bool cvy_fail_errno(cvy_status *status, const char *where, const char *what) {
    return cvy_fail(status, CVY_FAILED, where, "%s: %s", what, strerror(errno));
}

bool cvy_fail_memory(cvy_status *status, const char *where, size_t bytes) {
    return cvy_fail(status, CVY_FAILED, where, "out of memory (%zu bytes wanted)", bytes);
}
