#include "timing.h"

#include "../base/clock.h"
#include "../base/memory.h"

#include <stdio.h>
#include <stdlib.h>

static const double measured_seconds = 0.2;

enum { LEAST_CALLS = 5 };

/* A call of cvy_predict or cvy_evaluate. */
typedef struct timed {
    cvy_model *model;
    const cvy_dataset *dataset;
    size_t count;
    float *probabilities; /* NULL: evaluate */
} timed;

static void call(const timed *t, cvy_status *status) {
    if (t->probabilities)
        cvy_predict(t->model, t->dataset, 0, t->count, t->probabilities, status);
    else
        cvy_evaluate(t->model, t->dataset, status);
}

static bool measure(const timed *t, cvy_status *status) {
    double begun = cvy_clock(), before = begun, shortest = 0;
    size_t calls = 0;
    while (cvy_ok(status) && (calls < LEAST_CALLS || before - begun < measured_seconds)) {
        call(t, status);
        double now = cvy_clock(), seconds = now - before;
        shortest = calls == 0 || seconds < shortest ? seconds : shortest;
        before = now;
        calls++;
    }
    if (!cvy_ok(status))
        return false;
    printf("%s of %zu image%s: %.2f us, the shortest of %zu calls\n", t->probabilities ? "Prediction" : "Evaluation",
           t->count, t->count == 1 ? "" : "s", 1e6 * shortest, calls);
    return true;
}

bool cli_time_predict(cvy_model *model, const cvy_dataset *dataset, size_t count, cvy_status *status) {
    float *probabilities =
        cvy_allocate(count * (size_t)cvy_classes(model), sizeof *probabilities, "predictions", status);
    if (!probabilities)
        return false;
    bool done = measure(&(timed){model, dataset, count, probabilities}, status);
    free(probabilities);
    return done;
}

bool cli_time_evaluate(cvy_model *model, const cvy_dataset *dataset, cvy_status *status) {
    return measure(&(timed){model, dataset, cvy_dataset_count(dataset), NULL}, status);
}
