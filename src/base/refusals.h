/* What a reader finds in a file that is not supported. It goes on reading, and reports all of it as one error. */
#ifndef CVY_REFUSALS_H
#define CVY_REFUSALS_H

#include "status.h"

/* What is supported of a kind of things: {"activations", "linear, relu, ..."}. */
typedef struct cvy_choices {
    const char *topic, *list;
} cvy_choices;

/* Begins as {0}. */
typedef struct cvy_refusals {
    int count;                   /* how many were added */
    char where[256], what[1024]; /* the first */
    const cvy_choices *expected; /* of the first; may be NULL */
    char list[1280];             /* as many as fit, a line each */
    int listed;
    const cvy_choices *choices[8]; /* that were expected instead of any of them, each once; NULL at the end */
} cvy_refusals;

/* Adds what was found at some place. `expected`, unless NULL, lives as long as the refusals and says what is supported
 * there. Returns false. */
bool cvy_refuse(cvy_refusals *refusals, const char *where, const cvy_choices *expected, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds the error that the status holds, if it holds one. Returns whether it holds none. */
bool cvy_refuse_error(cvy_refusals *refusals, const cvy_status *error);

/* Records them in the status as one error in `origin` (a file): one as it was added, several as a list that ends with
 * what is supported. Returns whether there are none. */
bool cvy_refusals_report(const cvy_refusals *refusals, const char *origin, cvy_status *status);

#endif
