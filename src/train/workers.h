/* The threads of a trainer, and what each of them works with. Knows no network: a job says what it needs. */
#ifndef CVY_WORKERS_H
#define CVY_WORKERS_H

#include "../machine/team.h"
#include "../machine/topology.h"
#include "batch.h"
#include "reduce.h"
#include "watch.h"

/* A thread's own memory; no other thread writes it. All of it is zero at first. */
typedef struct cvy_worker {
    float *workspace[CVY_LAYOUTS]; /* by the plan's layout */
    float *loader;                 /* scratch of the loader */
    size_t loader_floats;
    float *gradients; /* [gradients_depth][job's gradient_floats]: the sums of its reduction's nodes */
    int gradients_depth;
    float *replica;            /* [job's replica_floats] */
    cvy_block_result *results; /* of its blocks of the present step */
    size_t results_capacity;
    cvy_reduction reduction;
    cvy_watch *watch;    /* NULL: not measured */
    cvy_status prepared; /* what kept it from getting the above */
    bool finite;         /* what it updated, gradient and parameters, is finite */
    char padding[64];
} cvy_worker;

typedef struct cvy_workers {
    int limit;  /* most threads */
    bool asked; /* the limit is the caller's */
    bool topology_known;
    cvy_topology topology;
    cvy_team *team; /* of the last run of several threads */
    int refused;    /* threads that the last run lacked, because the system started no more */
    int count;
    cvy_worker *list;
} cvy_workers;

enum { CVY_REPLICAS = 2 };

/* Work for the threads, and the memory that each needs for it. */
typedef struct cvy_job {
    const cvy_plan *plan;
    size_t blocks, last_blocks; /* of a step, and of the epoch's last, shorter one */
    size_t loader_floats;
    size_t gradient_floats; /* of one gradient; 0: inference */
    size_t replica_floats;  /* parameters and optimizer state */
    int watch_parts;        /* 0: not measured */
    cvy_watch_hook *watch_hook;
    void *watch_user;
    cvy_team_fn *work;
    /* Takes the place of `work` where each thread gets a replica of the parameters. NULL: inference. */
    cvy_team_fn *work_replicated;
    void *argument;
} cvy_job;

/* `threads` is the most to use; 0: as many as the topology says. */
bool cvy_workers_create(cvy_workers *workers, int threads, cvy_status *status);
void cvy_workers_destroy(cvy_workers *workers);

/* How many threads help with a step of so many blocks: one a block, at most the limit, or what OpenMP allows. */
int cvy_workers_threads(const cvy_workers *workers, size_t blocks);

/* How many threads a step of batch_size images takes, why, and where they are kept, in words. */
const char *cvy_workers_text(cvy_workers *workers, size_t batch_size, char text[static 256]);

/* Runs a job on as many threads as help and as the system starts; each has its worker ready for its share. Returns how
 * many these were, 0 on an error. */
int cvy_workers_run(cvy_workers *workers, const cvy_job *job, cvy_status *status);

/* Within a job: returns when all threads have called it (cvy_team_barrier). */
static inline void cvy_workers_barrier(cvy_workers *workers, int threads) {
    if (threads > 1)
        cvy_team_barrier(workers->team);
}

#endif
