/* The trainer: takes batches through a network, forward, backward and update, on a team of threads.
 *
 * A batch is cut into blocks of 16 images. A thread takes its blocks, one after another, through the whole network; the
 * gradients of the blocks are summed along a fixed binary tree over the block index, so that the sum does not depend on
 * how many threads share the work. Then comes a barrier, each thread sums and updates its slice of the parameters, and
 * a second barrier ends the step. Two threads with a block each need one barrier only (run_replicated.c).
 */
#ifndef CVY_TRAINER_H
#define CVY_TRAINER_H

#include <signal.h>

#include "../data/dataset.h"
#include "../data/preprocess.h"
#include "../model/plan.h"
#include "optimizer.h"
#include "schedule.h"
#include "watch.h"

typedef struct cvy_trainer cvy_trainer;

typedef struct cvy_trainer_options {
    const cvy_kernels *kernels;
    cvy_optimizer_settings optimizer;
    int threads;            /* at most this many (0: as the topology says), and one a block */
    cvy_layout layout;      /* of inference; for training automatic or HWC16N */
    bool profile;           /* keep account of where the time goes */
    uint64_t seed;          /* of initial weights, shuffles and dropout */
    double label_smoothing; /* of the cross-entropy: 0 <= s <= 1 */
} cvy_trainer_options;

/* Sums over the images seen. */
typedef struct cvy_metrics {
    double loss_sum;
    size_t correct, images;
} cvy_metrics;

/* A trainer with freshly initialised weights. The network must outlive it and end in a softmax over a vector. */
cvy_trainer *cvy_trainer_new(const cvy_network *network, const cvy_trainer_options *options, cvy_status *status);
void cvy_trainer_free(cvy_trainer *trainer);

const cvy_variables *cvy_trainer_variables(const cvy_trainer *trainer);
float *cvy_trainer_parameters(cvy_trainer *trainer);           /* [variables.floats]; may be written between steps */
cvy_optimizer *cvy_trainer_optimizer(cvy_trainer *trainer);    /* may be written between steps */
const float *cvy_trainer_gradient(const cvy_trainer *trainer); /* of the last step's mean loss, [variables.floats] */
int cvy_trainer_threads(const cvy_trainer *trainer);           /* that the last run used */
/* How many more the last run wanted than the system started. */
int cvy_trainer_threads_refused(const cvy_trainer *trainer);
/* How many threads a step of batch_size images takes, why, and where they are kept, in words. */
const char *cvy_trainer_threads_text(cvy_trainer *trainer, size_t batch_size, char text[static 256]);
int cvy_trainer_classes(const cvy_trainer *trainer);

/* The preprocessing of every image from now on; none at first. */
void cvy_trainer_preprocess(cvy_trainer *trainer, const cvy_preprocessing *preprocessing);

/* The learning rate's schedule over `steps` steps, of which `done` are done; beyond them it stays as in the last. With
 * 0 steps the rate is the optimizer's throughout, as it is at first. */
void cvy_trainer_set_schedule(cvy_trainer *trainer, const cvy_schedule *schedule, uint64_t steps, uint64_t done);

/* Training images move by up to so many pixels (loader.h); 0 at first. */
void cvy_trainer_set_random_shift(cvy_trainer *trainer, int pixels);

/* The training is over: parameters become their moving average if the optimizer keeps one. */
void cvy_trainer_finish(cvy_trainer *trainer);

/* One step on the images order[0 .. count): adds to metrics. A non-finite loss, gradient or parameter is CVY_DIVERGED.
 */
bool cvy_trainer_step(cvy_trainer *trainer, const cvy_dataset *dataset, const uint32_t *order, size_t count,
                      cvy_metrics *metrics, cvy_status *status);

/* What to do after a step. */
typedef enum cvy_next { CVY_STOP, CVY_GO_ON, CVY_PAUSE } cvy_next;

/* Called after every step, with the epoch's metrics so far. */
typedef cvy_next cvy_step_fn(size_t step, size_t steps, double seconds, const cvy_metrics *metrics, void *user);

/* An epoch, or what is left of it. */
typedef struct cvy_epoch {
    const uint32_t *order; /* [count]: the images, batch after batch; the last batch may be shorter */
    size_t count, batch_size;
    const volatile sig_atomic_t *stop; /* non-zero: stop after the present step; may be NULL */
    cvy_step_fn *on_step;              /* may be NULL */
    void *user;
    /* What is done: zero at first. A paused epoch goes on from here. */
    size_t step;
    double seconds;
    cvy_metrics metrics;
} cvy_epoch;

/* Trains until the epoch is over, on_step pauses it, or it fails: CVY_INTERRUPTED (stopped; the parameters are those of
 * the last whole step) or CVY_DIVERGED (they are those from the epoch's begin). */
bool cvy_trainer_epoch(cvy_trainer *trainer, const cvy_dataset *dataset, cvy_epoch *epoch, cvy_status *status);

/* How many steps the epoch has. */
static inline size_t cvy_epoch_steps(const cvy_epoch *epoch) {
    return (epoch->count + epoch->batch_size - 1) / epoch->batch_size;
}

/* Where the time of the steps so far went; freed with free(). An error if nothing was measured. */
cvy_profile *cvy_trainer_profile_read(const cvy_trainer *trainer, cvy_status *status);

/* For benchmarks: with the profile on, each thread calls hook(user, from, to) whenever it goes from one part of a step
 * to another (watch.h has their numbers). */
void cvy_trainer_watch(cvy_trainer *trainer, cvy_watch_hook *hook, void *user);

/* Inference on images first .. first + count - 1: adds to metrics (NULL: labels are not read) and leaves the
 * softmax in probabilities [count][classes] (may be NULL). */
bool cvy_trainer_forward(cvy_trainer *trainer, const cvy_dataset *dataset, size_t first, size_t count,
                         float *probabilities, cvy_metrics *metrics, cvy_status *status);

#endif
