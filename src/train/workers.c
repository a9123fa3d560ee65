#include "workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/memory.h"
#include "../machine/binding.h"
#include "../machine/openmp.h"

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* What a thread needs for its share of a job. */
typedef struct needs {
    size_t blocks; /* results of a step */
    int depth;     /* gradients */
    bool replica;
} needs;

/* The share may be larger in the epoch's last step than in the others. */
static needs needs_of(const cvy_job *job, bool replicated, int thread, int threads) {
    if (replicated) /* steps take turns with two gradients and results; the third gradient is the sum */
        return (needs){.blocks = 2, .depth = 3, .replica = thread > 0};
    needs most = {0};
    for (int last = 0; last < 2; last++) {
        size_t begin, end;
        cvy_share_of(last ? job->last_blocks : job->blocks, thread, threads, &begin, &end);
        const int depth = job->gradient_floats ? cvy_reduction_depth((uint32_t)begin, (uint32_t)end) : 0;
        most.depth = depth > most.depth ? depth : most.depth;
        most.blocks = end - begin > most.blocks ? end - begin : most.blocks;
    }
    return most;
}

static bool allocate_floats(float **floats, size_t count, const char *what, cvy_status *status) {
    free(*floats);
    return (*floats = cvy_allocate(count, sizeof(float), what, status)) != NULL;
}

static bool prepare_worker(cvy_worker *worker, const cvy_job *job, needs share, cvy_status *status) {
    float **workspace = &worker->workspace[job->plan->layout];
    if (!*workspace && !allocate_floats(workspace, job->plan->workspace, "block workspace", status))
        return false;
    if (worker->loader_floats < job->loader_floats) {
        worker->loader_floats = 0;
        if (!allocate_floats(&worker->loader, job->loader_floats, "image loader", status))
            return false;
        worker->loader_floats = job->loader_floats;
    }
    if (worker->gradients_depth < share.depth) {
        worker->gradients_depth = 0;
        if (!allocate_floats(&worker->gradients, (size_t)share.depth * job->gradient_floats, "gradients", status))
            return false;
        worker->gradients_depth = share.depth;
    }
    if (share.replica && !worker->replica &&
        !allocate_floats(&worker->replica, job->replica_floats, "parameters", status))
        return false;
    if (worker->results_capacity < share.blocks) {
        free(worker->results);
        worker->results_capacity = 0;
        if (!(worker->results = cvy_allocate(share.blocks, sizeof *worker->results, "block results", status)))
            return false;
        worker->results_capacity = share.blocks;
    }
    if (job->watch_parts && !worker->watch) {
        const size_t bytes = sizeof *worker->watch + (size_t)job->watch_parts * sizeof worker->watch->seconds[0];
        if (!(worker->watch = cvy_allocate(1, bytes, "profile", status)))
            return false;
        worker->watch->part = CVY_PART_OUTSIDE;
    }
    if (worker->watch) {
        worker->watch->hook = job->watch_hook;
        worker->watch->user = job->watch_user;
    }
    return true;
}

bool cvy_workers_create(cvy_workers *workers, int threads, cvy_status *status) {
    *workers = (cvy_workers){.limit = threads, .asked = threads > 0};
    if (workers->asked)
        return true;
    if (!cvy_topology_read(&workers->topology, status))
        return false;
    workers->topology_known = true;
    workers->limit = workers->topology.threads;
    return true;
}

void cvy_workers_destroy(cvy_workers *workers) {
    for (int i = 0; i < workers->count; i++) {
        cvy_worker *worker = &workers->list[i];
        for (int layout = 0; layout < CVY_LAYOUTS; layout++)
            free(worker->workspace[layout]);
        free(worker->loader);
        free(worker->gradients);
        free(worker->replica);
        free(worker->results);
        free(worker->watch);
    }
    free(workers->list);
    cvy_team_free(workers->team);
    *workers = (cvy_workers){0};
}

/* Makes a team for a run of `threads`. Returns how many the run has, 0 without memory: the system may start fewer. */
static int make_team(cvy_workers *workers, int threads, cvy_status *status) {
    workers->refused = 0;
    if (threads == 1)
        return 1;
    if (!workers->team || cvy_team_wanted(workers->team) != threads) {
        cvy_team_free(workers->team);
        if (!(workers->team = cvy_team_new(threads))) {
            cvy_fail_memory(status, "threads", (size_t)threads);
            return 0;
        }
    }
    workers->refused = threads - cvy_team_size(workers->team);
    return threads - workers->refused;
}

static bool make_room(cvy_workers *workers, int threads, cvy_status *status) {
    if (workers->count >= threads)
        return true;
    cvy_worker *list = cvy_allocate((size_t)threads, sizeof *list, "threads", status);
    if (!list)
        return false;
    if (workers->count)
        memcpy(list, workers->list, (size_t)workers->count * sizeof *list);
    free(workers->list);
    workers->list = list;
    workers->count = threads;
    return true;
}

/* ---- Runs ------------------------------------------------------------------------------------------------------- */

/* Whether each thread gets a replica of the parameters: for two threads with a block each. With more threads more
 * gradients would cross between cores than parameters do without replicas; with more blocks the crossing is small
 * beside the work. All that belongs to the parameters has to stay in the second-level cache. */
static bool replicates(const cvy_job *job, int threads) {
    enum { FLOATS_MAX = 1 << 16 };
    return job->work_replicated && threads == CVY_REPLICAS && job->blocks == CVY_REPLICAS &&
           job->gradient_floats <= FLOATS_MAX;
}

typedef struct run {
    cvy_workers *workers;
    const cvy_job *job;
    bool replicated;
} run;

static bool all_prepared(const cvy_workers *workers, int threads) {
    for (int t = 0; t < threads; t++)
        if (!cvy_ok(&workers->list[t].prepared))
            return false;
    return true;
}

/* A thread's part of a run. It allocates and first touches its memory itself, so that this lies next to its core. */
static void take_part(void *argument, int thread, int threads) {
    run *r = argument;
    cvy_workers *workers = r->workers;
    cvy_binding binding = {0};
    cvy_processors processors;
    if (threads > 1 && cvy_topology_place(&workers->topology, threads, thread, &processors))
        cvy_binding_enter(&binding, &processors);

    cvy_worker *worker = &workers->list[thread];
    worker->prepared.code = CVY_OK;
    prepare_worker(worker, r->job, needs_of(r->job, r->replicated, thread, threads), &worker->prepared);
    cvy_workers_barrier(workers, threads);
    if (all_prepared(workers, threads))
        (r->replicated ? r->job->work_replicated : r->job->work)(r->job->argument, thread, threads);
    cvy_binding_leave(&binding);
}

/* Where the topology cannot be read, threads are not bound. */
static void know_topology(cvy_workers *workers) {
    cvy_status unreadable = {0};
    if (!workers->topology_known)
        cvy_topology_read(&workers->topology, &unreadable);
    workers->topology_known = true;
}

static int limit_of(const cvy_workers *workers) {
    const int openmp = cvy_openmp_limit();
    return openmp < workers->limit ? openmp : workers->limit;
}

int cvy_workers_threads(const cvy_workers *workers, size_t blocks) {
    const int limit = limit_of(workers);
    return (size_t)limit < blocks ? limit : (int)blocks;
}

int cvy_workers_run(cvy_workers *workers, const cvy_job *job, cvy_status *status) {
    const int threads = make_team(workers, cvy_workers_threads(workers, job->blocks), status);
    if (!threads || !make_room(workers, threads, status))
        return 0;
    if (threads > 1)
        know_topology(workers);
    run r = {.workers = workers, .job = job, .replicated = replicates(job, threads)};
    if (threads == 1)
        take_part(&r, 0, 1);
    else
        cvy_team_run(workers->team, take_part, &r);
    for (int t = 0; t < threads; t++)
        if (!cvy_ok(&workers->list[t].prepared)) {
            *status = workers->list[t].prepared;
            return 0;
        }
    return threads;
}

/* Why a run of so many blocks has not more threads than it has. */
static void explain(const cvy_workers *workers, size_t batch_size, char why[static 160]) {
    const size_t blocks = cvy_blocks_of(batch_size);
    const int limit = limit_of(workers);
    if (workers->refused)
        snprintf(why, 160, "the system started no more of %d", cvy_team_wanted(workers->team));
    else if (blocks < (size_t)limit)
        snprintf(why, 160, "a batch of %zu is %zu block%s of %d images", batch_size, blocks, blocks == 1 ? "" : "s",
                 CVY_LANES);
    else if (limit < workers->limit)
        snprintf(why, 160, "OpenMP allows no more (OMP_THREAD_LIMIT)");
    else
        snprintf(why, 160, "%s", workers->asked ? "as asked" : workers->topology.why);
}

const char *cvy_workers_text(cvy_workers *workers, size_t batch_size, char text[static 256]) {
    int threads = cvy_workers_threads(workers, cvy_blocks_of(batch_size));
    char place[96], why[160];
    cvy_status memory = {0};
    know_topology(workers);
    /* Only a try tells what the system starts. A team of another size may be at work. */
    workers->refused = 0;
    if (threads > 1 && (!workers->team || cvy_team_wanted(workers->team) == threads) &&
        make_team(workers, threads, &memory))
        threads -= workers->refused;
    explain(workers, batch_size, why);
    if (threads > 1)
        snprintf(text, 256, "%d threads: %s, %s", threads, why,
                 cvy_topology_place_text(&workers->topology, threads, place));
    else
        snprintf(text, 256, "1 thread: %s", why);
    return text;
}
