#include "schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/number.h"

/* ---- Parsing ---------------------------------------------------------------------------------------------------- */

enum { KINDS = CVY_SCHEDULE_PIECEWISE + 1 };

static const char *const names[KINDS] = {"constant", "linear", "cosine", "onecycle", "piecewise"};

static bool find_kind(const char *name, cvy_schedule *schedule, cvy_status *status) {
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(name, names[i])) {
            *schedule = (cvy_schedule){.kind = (cvy_schedule_kind)i};
            if (i == CVY_SCHEDULE_ONECYCLE) {
                schedule->warmup = 0.3;
                schedule->start = 0.04;
                schedule->end = 4e-6;
            }
            return true;
        }
    return cvy_fail(status, CVY_USAGE, "schedule",
                    "'%s' is unknown; there are constant, linear, cosine, onecycle, piecewise", name);
}

/* A number and nothing else. */
static bool parse_number(const char *text, double *number) {
    const char *end;
    return cvy_read_number(text, number, &end) && !*end && isfinite(*number);
}

/* FRACTION=FACTOR */
static bool parse_piece(const char *key, const char *value, cvy_schedule *schedule, cvy_status *status) {
    int i = schedule->pieces;
    if (i == CVY_PIECES_MAX)
        return cvy_fail(status, CVY_USAGE, "schedule", "more than %d pieces", CVY_PIECES_MAX);
    if (!parse_number(key, &schedule->at[i]) || !(schedule->at[i] > (i ? schedule->at[i - 1] : 0)) ||
        !(schedule->at[i] < 1))
        return cvy_fail(status, CVY_USAGE, "schedule", "'%s' begins a piece; %s is expected", key,
                        "warmup, start, or a fraction between 0 and 1 that is greater than the one before it");
    if (!parse_number(value, &schedule->factor[i]) || !(schedule->factor[i] >= 0))
        return cvy_fail(status, CVY_USAGE, "schedule",
                        "the factor from %s on is '%s'; a number of at least 0 is expected", key, value);
    schedule->pieces++;
    return true;
}

static bool parse_setting(const char *key, const char *value, cvy_schedule *schedule, cvy_status *status) {
    bool falls = schedule->kind == CVY_SCHEDULE_LINEAR || schedule->kind == CVY_SCHEDULE_COSINE ||
                 schedule->kind == CVY_SCHEDULE_ONECYCLE;
    double *field = !strcmp(key, "warmup")         ? &schedule->warmup
                    : !strcmp(key, "start")        ? &schedule->start
                    : !strcmp(key, "end") && falls ? &schedule->end
                                                   : NULL;
    if (!field && schedule->kind == CVY_SCHEDULE_PIECEWISE)
        return parse_piece(key, value, schedule, status);
    if (!field)
        return cvy_fail(status, CVY_USAGE, "schedule", "%s has no setting '%s'; it has warmup, start%s",
                        names[schedule->kind], key, falls ? ", end" : "");
    bool fraction = field == &schedule->warmup;
    if (!parse_number(value, field) || !(*field >= 0) || (fraction && !(*field < 1)))
        return cvy_fail(status, CVY_USAGE, "schedule", "%s is '%s'; a number of at least 0%s is expected", key, value,
                        fraction ? ", below 1," : "");
    return true;
}

bool cvy_schedule_parse(const char *text, cvy_schedule *schedule, cvy_status *status) {
    char copy[512];
    cvy_schedule parsed;
    if (!cvy_ok(status))
        return false;
    if (strlen(text) >= sizeof copy)
        return cvy_fail(status, CVY_USAGE, "schedule", "more than %zu characters", sizeof copy - 1);
    strcpy(copy, text);
    char *next = strchr(copy, ':');
    if (next)
        *next++ = 0;
    if (!find_kind(copy, &parsed, status))
        return false;
    while (next) {
        char *key = next, *value = strchr(key, '=');
        next = strchr(key, ',');
        if (next)
            *next++ = 0;
        if (!value || (next && value > next))
            return cvy_fail(status, CVY_USAGE, "schedule", "'%s' has no value", key);
        *value++ = 0;
        if (!parse_setting(key, value, &parsed, status))
            return false;
    }
    *schedule = parsed;
    return true;
}

/* ---- Factors ---------------------------------------------------------------------------------------------------- */

/* (1 + cos(pi p)) / 2 for 0 <= p <= 1, within 1e-13. libm's cosine may differ from one machine to the next; this sine
 * of pi (1/2 - p), by its series, does not. */
static double half_cosine(double p) {
    const double t = 3.14159265358979323846 * (0.5 - p), square = t * t;
    double term = t, sine = t;
    for (int n = 3; n <= 19; n += 2) {
        term *= -square / (n * (n - 1));
        sine += term;
    }
    return 0.5 * (1 + sine);
}

static double piece(const cvy_schedule *schedule, double fraction) {
    double factor = 1;
    for (int i = 0; i < schedule->pieces && schedule->at[i] <= fraction; i++)
        factor = schedule->factor[i];
    return factor;
}

double cvy_schedule_factor(const cvy_schedule *schedule, uint64_t step, uint64_t steps) {
    const double rising = floor(schedule->warmup * (double)steps + 0.5), at = (double)step;
    if (at < rising) {
        double p = (at + 1) / rising;
        if (schedule->kind == CVY_SCHEDULE_ONECYCLE)
            p = 1 - half_cosine(p);
        return schedule->start + (1 - schedule->start) * p;
    }
    const double p = (at - rising) / ((double)steps - rising);
    switch (schedule->kind) {
    case CVY_SCHEDULE_CONSTANT:
        break;
    case CVY_SCHEDULE_LINEAR:
        return schedule->end + (1 - schedule->end) * (1 - p);
    case CVY_SCHEDULE_COSINE:
    case CVY_SCHEDULE_ONECYCLE:
        return schedule->end + (1 - schedule->end) * half_cosine(p);
    case CVY_SCHEDULE_PIECEWISE:
        return piece(schedule, at / (double)steps);
    }
    return 1;
}
