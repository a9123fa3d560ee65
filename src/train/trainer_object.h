/* What a trainer holds, and its workers: shared by the files that make it, train with it and use it. */
#ifndef CVY_TRAINER_OBJECT_H
#define CVY_TRAINER_OBJECT_H

#include "../model/split.h"
#include "loader.h"
#include "profile.h"
#include "reduce.h"
#include "team.h"
#include "topology.h"
#include "trainer.h"

/* What became of one block. */
typedef struct cvy_block_result {
    double loss;
    size_t correct;
} cvy_block_result;

/* A thread's own things; nobody else writes them. */
typedef struct cvy_worker {
    float *workspace[CVY_LAYOUTS]; /* by the plan's layout */
    float *loader;                 /* scratch of the images' way in */
    size_t loader_floats;
    float *gradients; /* [depth][variables.floats]: the sums of its reduction's nodes */
    float *replica;   /* [1 + slots][variables.floats]: of parameters and optimizer state (replicated.c) */
    int depth;
    cvy_block_result *results; /* of its blocks of the current step */
    size_t results_capacity;
    cvy_reduction reduction;
    cvy_status equipped; /* what kept it from getting the above */
    cvy_watch *watch;    /* NULL: not measured */
    bool finite;         /* its slice of gradient and parameters, after the update */
    char padding[64];
} cvy_worker;

/* What is measured of the steps since the profile was asked for. */
typedef struct cvy_trainer_profile {
    bool wanted;
    int threads; /* the most that a run had */
    size_t steps, images;
    double seconds;
    double peak; /* of a core */
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
    cvy_course course;
    uint64_t course_begun; /* optimizer steps done before it */
    int threads_limit, threads;
    cvy_topology topology;
    bool threads_asked; /* the limit is the caller's */
    bool crowds;        /* a block may have more parts than there are cores: tests */
    bool topology_known;
    cvy_team *team; /* of the last run of several threads */
    cvy_trainer_profile profile;
    int workers_count;
    cvy_worker *workers;
    /* After the last whole epoch: parameters and optimizer state, to go back to when a run diverges. */
    float *saved[1 + CVY_OPTIMIZER_SLOTS];
    cvy_optimizer saved_optimizer;
};

/* Plans the way of a data set's images, moved by up to `shift` pixels, into the network's plan. Images that it cannot
 * read and, if wanted, labels that it does not know are errors. */
bool cvy_trainer_take(cvy_trainer *trainer, const cvy_plan *plan, const cvy_dataset *dataset, int shift, bool labels,
                      cvy_status *status);

/* Work for a trainer's threads. */
typedef struct cvy_job {
    const cvy_plan *plan;
    size_t blocks, last_blocks; /* of a step, and of the epoch's last, shorter one */
    bool training;
    cvy_team_fn *work;
    void *argument;
} cvy_job;

/* Runs a job on as many threads as help, which in training may be more than there are blocks (model/split.h), and as
 * the system grants; each has its worker ready for its share. Returns how many these were, 0 on an error. */
int cvy_workers_run(cvy_trainer *trainer, const cvy_job *job, cvy_status *status);

/* How many threads help with a training step of so many blocks. */
int cvy_workers_of_step(cvy_trainer *trainer, size_t blocks);

/* In how many parts so many threads do each of fewer blocks. More of them than cores would wait for one another at each
 * meeting. */
int cvy_workers_parts(const cvy_trainer *trainer, size_t blocks, int threads);

enum { CVY_REPLICAS = 2 };

/* Whether a run of that many blocks a step gives each thread a replica of the parameters. With more threads, more
 * gradients would cross than parameters do now; more blocks make the crossing small beside the work; and what belongs
 * to the parameters has to stay in the second-level cache. */
static inline bool cvy_replicates(const cvy_trainer *trainer, size_t blocks, int threads) {
    enum { FLOATS_MAX = 1 << 16 };
    return threads == CVY_REPLICAS && blocks == CVY_REPLICAS && trainer->variables.floats <= FLOATS_MAX;
}

/* Within a job: returns when all threads have called it (cvy_team_barrier). */
static inline void cvy_workers_meet(cvy_trainer *trainer, int threads) {
    if (threads > 1)
        cvy_team_barrier(trainer->team);
}

void cvy_workers_free(cvy_trainer *trainer);

#endif
