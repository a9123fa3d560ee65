#include <stdio.h>

#include "../base/memory.h"
#include "trainer_object.h"

double cvy_trainer_peak(const cvy_kernels *kernels) {
    enum { ROUNDS = 4000, TRIES = 60 }; /* about 7 us a try at one round a nanosecond or two */
    _Alignas(64) float result[CVY_PEAK_FLOATS];
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double begun = cvy_clock();
        kernels->fma_peak(ROUNDS, result);
        double speed = 2.0 * ROUNDS * CVY_PEAK_FLOATS / (cvy_clock() - begun);
        best = speed > best ? speed : best;
    }
    return best;
}

/* ---- The table -------------------------------------------------------------------------------------------------- */

/* What is measured of all threads together. */
typedef struct totals {
    const cvy_trainer *trainer;
    const cvy_trainer_profile *measured;
    cvy_profile *profile;
} totals;

/* Seconds that a part took, on the mean over the threads. */
static double mean_seconds(const totals *t, int part) {
    double sum = 0;
    for (int i = 0; i < t->measured->threads; i++)
        sum += t->trainer->workers.list[i].watch->seconds[part];
    return sum / t->measured->threads;
}

static cvy_profile_row *add_row(totals *t, const char *phase, double seconds) {
    cvy_profile_row *row = &t->profile->row[t->profile->rows++];
    *row = (cvy_profile_row){.seconds = seconds};
    snprintf(row->phase, sizeof row->phase, "%s", phase);
    return row;
}

static double add_step(totals *t, cvy_part_of_step part, const char *phase) {
    return add_row(t, phase, mean_seconds(t, part))->seconds;
}

static double add_stage(totals *t, int index, cvy_part_of_stage part, const char *phase) {
    const cvy_stage *stage = &t->trainer->plan.stages[index];
    cvy_profile_row *row = add_row(t, phase, mean_seconds(t, cvy_watch_part_of_stage(index, part)));
    row->flop = cvy_stage_flop(stage) * (double)t->measured->images;
    size_t length = 0;
    for (int i = stage->first_layer; i <= stage->last_layer && length < sizeof row->layers; i++)
        length += (size_t)snprintf(row->layers + length, sizeof row->layers - length, "%s%s",
                                   i > stage->first_layer ? ", " : "", t->trainer->network->layers[i].name);
    return row->seconds;
}

static void add_rows(totals *t) {
    const cvy_plan *plan = &t->trainer->plan;
    double sum = add_step(t, CVY_PART_LOAD, "load");
    for (int i = 0; i < plan->count; i++)
        sum += add_stage(t, i, CVY_PART_FORWARD, "forward");
    sum += add_step(t, CVY_PART_LOSS, "loss");
    for (int i = plan->count - 1; i >= plan->first_trainable; i--) {
        const cvy_stage *stage = &plan->stages[i];
        if (stage->weights != CVY_NONE || stage->bias != CVY_NONE)
            sum += add_stage(t, i, CVY_PART_BACKWARD_WEIGHTS, "backward weights");
        if (i > plan->first_trainable)
            sum += add_stage(t, i, CVY_PART_BACKWARD_DATA, "backward data");
    }
    sum += add_step(t, CVY_PART_SUM, "sum of own blocks");
    sum += add_step(t, CVY_PART_WAIT_GRADIENTS, "wait for gradients");
    sum += add_step(t, CVY_PART_REDUCTION, "sum of threads");
    sum += add_step(t, CVY_PART_UPDATE, "update");
    sum += add_step(t, CVY_PART_METRICS, "metrics, progress");
    sum += add_step(t, CVY_PART_WAIT_PARAMETERS, "wait for parameters");
    add_row(t, "start and end", t->measured->seconds - sum);
}

cvy_profile *cvy_trainer_profile_read(const cvy_trainer *trainer, cvy_status *status) {
    const cvy_trainer_profile *measured = &trainer->profile;
    if (measured->steps == 0) {
        cvy_fail(status, CVY_USAGE, "profile",
                 measured->wanted ? "no step has been measured yet" : "was not asked for");
        return NULL;
    }
    const size_t rows = 1 + (size_t)cvy_watch_parts(trainer->plan.count); /* the rest of the time, too */
    cvy_profile *profile = cvy_allocate(1, sizeof *profile + rows * sizeof *profile->row, "the profile", status);
    if (!profile)
        return NULL;
    *profile = (cvy_profile){.threads = measured->threads,
                             .steps = measured->steps,
                             .images = measured->images,
                             .seconds = measured->seconds,
                             .peak = measured->peak,
                             .row = (cvy_profile_row *)(profile + 1)};
    totals t = {trainer, measured, profile};
    add_rows(&t);
    return profile;
}
