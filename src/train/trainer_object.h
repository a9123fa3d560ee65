/* What a trainer holds: shared by the files that make it, train with it and use it. */
#ifndef CVY_TRAINER_OBJECT_H
#define CVY_TRAINER_OBJECT_H

#include "loader.h"
#include "trainer.h"
#include "workers.h"

/* What is measured of the steps since the profile was asked for. */
typedef struct cvy_trainer_profile {
    bool wanted;
    int threads; /* the most that a run had */
    size_t steps, images;
    double seconds;
    double peak; /* of a core */
    cvy_watch_hook *hook;
    void *user;
} cvy_trainer_profile;

struct cvy_trainer {
    const cvy_network *network;
    const cvy_kernels *kernels;
    cvy_variables variables;
    cvy_plan plan, plan_nhwc;
    cvy_layout layout; /* of inference */
    cvy_optimizer optimizer;
    float *parameters;
    const float *gradient; /* of the last step, in a worker's memory */
    uint64_t seed;
    float label_smoothing;
    cvy_preprocessing preprocessing;
    cvy_loader loader; /* of the present run's images */
    int random_shift;
    cvy_schedule schedule;
    uint64_t schedule_steps, schedule_begun; /* optimizer steps of the schedule, and those done before it */
    int threads;                             /* that the last run used */
    cvy_workers workers;
    cvy_trainer_profile profile;
    /* After the last whole epoch: parameters and optimizer state, to go back to when a run diverges. */
    float *saved[1 + CVY_OPTIMIZER_SLOTS];
    cvy_optimizer saved_optimizer;
};

/* Floating-point operations a second that the kernels' multiply-adds reach on the calling thread's core: the best of
 * some milliseconds. */
double cvy_trainer_peak(const cvy_kernels *kernels);

/* Makes the loader for a data set's images, moved by up to `shift` pixels, and the plan's input. Images that do not fit
 * the network and, if wanted, labels that it does not know are errors. */
bool cvy_trainer_load(cvy_trainer *trainer, const cvy_plan *plan, const cvy_dataset *dataset, int shift, bool labels,
                      cvy_status *status);

/* Adds the results of a batch of `images` images to the metrics, in the order of its blocks; the workers' results begin
 * at `slot`. */
void cvy_trainer_add_results(const cvy_trainer *trainer, int threads, size_t images, size_t slot, cvy_metrics *metrics);

#endif
