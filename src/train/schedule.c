#include "schedule.h"

#include <math.h>

#include "../base/settings.h"

/* ---- Parsing ---------------------------------------------------------------------------------------------------- */

enum {
    ALL = 1 << CVY_SCHEDULE_CONSTANT | 1 << CVY_SCHEDULE_LINEAR | 1 << CVY_SCHEDULE_COSINE |
          1 << CVY_SCHEDULE_ONECYCLE | 1 << CVY_SCHEDULE_PIECEWISE,
    FALLING = 1 << CVY_SCHEDULE_LINEAR | 1 << CVY_SCHEDULE_COSINE | 1 << CVY_SCHEDULE_ONECYCLE,
};

static const char *const names[] = {"constant", "linear", "cosine", "onecycle", "piecewise"};

static const cvy_key keys[] = {
    {"warmup", &cvy_value_below_one, offsetof(cvy_schedule, warmup), ALL},
    {"start", &cvy_value_not_negative, offsetof(cvy_schedule, start), ALL},
    {"end", &cvy_value_not_negative, offsetof(cvy_schedule, end), FALLING},
};

/* FRACTION=FACTOR */
static bool parse_piece(cvy_span fraction, cvy_span factor, void *object, cvy_status *status) {
    cvy_schedule *schedule = object;
    int i = schedule->pieces;
    if (i == CVY_PIECES_MAX)
        return cvy_fail(status, CVY_USAGE, "schedule", "more than %d pieces", CVY_PIECES_MAX);
    if (!cvy_value_parse(&cvy_value_below_one, fraction, &schedule->at[i]) ||
        schedule->at[i] <= (i ? schedule->at[i - 1] : 0))
        return cvy_fail(status, CVY_USAGE, "schedule",
                        "'%.*s' begins a piece; warmup, start, or a fraction between 0 and 1 that is greater than the "
                        "one before it is expected",
                        fraction.length, fraction.text);
    if (!cvy_value_parse(&cvy_value_not_negative, factor, &schedule->factor[i]))
        return cvy_fail(status, CVY_USAGE, "schedule", "the factor from %.*s on is '%.*s'; %s is expected",
                        fraction.length, fraction.text, factor.length, factor.text, cvy_value_not_negative.expected);
    schedule->pieces++;
    return true;
}

bool cvy_schedule_parse(const char *text, cvy_schedule *schedule, cvy_status *status) {
    int kind = cvy_settings_name(&text, names, sizeof names / sizeof *names, "schedule", status);
    if (kind < 0)
        return false;
    cvy_schedule parsed = {.kind = (cvy_schedule_kind)kind};
    if (kind == CVY_SCHEDULE_ONECYCLE) {
        parsed.warmup = 0.3;
        parsed.start = 0.04;
        parsed.end = 4e-6;
    }
    cvy_settings settings = {"schedule", names[kind],
                             keys,       sizeof keys / sizeof *keys,
                             kind,       kind == CVY_SCHEDULE_PIECEWISE ? parse_piece : NULL};
    if (!cvy_settings_parse(text, &settings, &parsed, status))
        return false;
    *schedule = parsed;
    return true;
}

/* ---- Factors ---------------------------------------------------------------------------------------------------- */

/* (1 + cos(pi p)) / 2 for 0 <= p <= 1, within 1e-13, from the series of sin(pi (1/2 - p)). Unlike libm's cosine it has
 * the same bits on every machine. */
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
