/* Training steps, evaluation and prediction through convoy.h, as a user's program calls them. */
#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#include "../src/convoy.h"

typedef struct bench_steps_options {
    const char *model, *data; /* as in layers.h */
    int batch;
    const int *threads; /* of each benchmark, ended by 0 */
    const char *isa;
} bench_steps_options;

/* Registers step/NETWORK/batch:N/threads:T (an iteration is a step, a run an epoch), evaluate/NETWORK/threads:T (an
 * iteration is all images) and predict/NETWORK/1_image. The options must live until bench_run returns. */
bool bench_register_steps(const bench_steps_options *options, cvy_status *status);
void bench_steps_free(void);

#endif
