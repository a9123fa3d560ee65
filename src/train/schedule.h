/* The learning rate over the steps of a training, as a factor of the optimizer's learning rate.
 *
 * Warm-up: Goyal et al., "Accurate, large minibatch SGD", 2017. Cosine: Loshchilov, Hutter, ICLR 2017. One cycle:
 * Smith, Topin, "Super-convergence", 2018. Where Keras's schedules count steps, these have fractions of the training,
 * so that a schedule fits any budget. */
#ifndef CVY_SCHEDULE_H
#define CVY_SCHEDULE_H

#include "../base/status.h"

typedef enum cvy_schedule_kind {
    CVY_SCHEDULE_CONSTANT,
    CVY_SCHEDULE_LINEAR,
    CVY_SCHEDULE_COSINE,
    CVY_SCHEDULE_ONECYCLE, /* up and down along a cosine */
    CVY_SCHEDULE_PIECEWISE,
} cvy_schedule_kind;

enum { CVY_PIECES_MAX = 16 };

typedef struct cvy_schedule {
    cvy_schedule_kind kind;
    double warmup; /* fraction of the steps, 0 <= w < 1, in which the rate rises from `start` to 1 */
    double start;  /* the factor at the beginning of the warm-up */
    double end;    /* linear, cosine, onecycle: the factor at the end */
    int pieces;    /* piecewise: the factor is factor[i] from the fraction at[i] of all steps on */
    double at[CVY_PIECES_MAX], factor[CVY_PIECES_MAX];
} cvy_schedule;

/* Parses NAME[:KEY=VALUE,...] as base/settings.h says: constant, linear, cosine, onecycle, piecewise; keys warmup,
 * start, end, and for piecewise FRACTION=FACTOR, in ascending order. All are 0 by default, but for onecycle warmup 0.3,
 * start 0.04 and end 0.000004. Errors leave the schedule as it was. */
bool cvy_schedule_parse(const char *text, cvy_schedule *schedule, cvy_status *status);

/* The factor of step 0 <= step < steps; the same bits on every machine. */
double cvy_schedule_factor(const cvy_schedule *schedule, uint64_t step, uint64_t steps);

#endif
