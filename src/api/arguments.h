/* Every public function checks its arguments first, so that the rooms below need not. */
#ifndef CVY_ARGUMENTS_H
#define CVY_ARGUMENTS_H

#include "../base/status.h"
#include "../convoy.h"

/* The caller's status or, if it gave none, one that lasts as long as the block around. */
#define CVY_STATUS_OF(status) ((status) ? (status) : &(cvy_status){0})

/* Whether the call may go on: no error so far, and the argument is not NULL. */
static inline bool cvy_given(const void *argument, const char *name, cvy_status *status) {
    return argument ? cvy_ok(status) : cvy_fail(status, CVY_USAGE, name, "must not be NULL");
}

#endif
