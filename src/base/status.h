/* Setting and testing a cvy_status. */
#ifndef CVY_STATUS_H
#define CVY_STATUS_H

#include "../convoy_types.h"

/* Records an error, unless the status holds one already (the first is the cause). What files put into it is made
 * printable. Returns false, so that a function can
 * `return cvy_fail(status, CVY_FAILED, path, "%zu bytes, expected %zu", ...)`. */
bool cvy_fail(cvy_status *status, cvy_code code, const char *where, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with errno's text after `what`: "cannot open: No such file or directory". */
bool cvy_fail_errno(cvy_status *status, const char *where, const char *what);

/* "out of memory", naming what could not be allocated. */
bool cvy_fail_memory(cvy_status *status, const char *where, size_t bytes);

static inline bool cvy_ok(const cvy_status *status) {
    return status->code == CVY_OK;
}

#endif
