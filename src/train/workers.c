/* A trainer's threads and what each of them works with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/memory.h"
#include "batch.h"
#include "binding.h"

/* Gives worker what it needs for `blocks` blocks a step, and to help others with theirs; depth 0: without gradients. */
static bool equip(const cvy_trainer *trainer, cvy_worker *worker, const cvy_plan *plan, size_t blocks, int depth,
                  bool replicated, cvy_status *status) {
    float **workspace = &worker->workspace[plan->layout];
    if (!*workspace && !(*workspace = cvy_allocate(plan->workspace, sizeof(float), "block workspace", status)))
        return false;
    if (worker->loader_floats < trainer->loader.floats) {
        free(worker->loader);
        worker->loader_floats = 0;
        if (!(worker->loader = cvy_allocate(trainer->loader.floats, sizeof(float), "images on their way", status)))
            return false;
        worker->loader_floats = trainer->loader.floats;
    }
    if (worker->depth < depth) {
        free(worker->gradients);
        worker->depth = 0;
        worker->gradients = cvy_allocate((size_t)depth * trainer->variables.floats, sizeof(float), "gradients", status);
        if (!worker->gradients)
            return false;
        worker->depth = depth;
    }
    size_t replica = (1 + (size_t)cvy_optimizer_slots(&trainer->optimizer.settings)) * trainer->variables.floats;
    if (replicated && !worker->replica &&
        !(worker->replica = cvy_allocate(replica, sizeof(float), "parameters", status)))
        return false;
    if (trainer->profile.wanted && !worker->watch &&
        !(worker->watch = cvy_allocate(1, cvy_watch_size(trainer->plan.count), "profile", status)))
        return false;
    if (worker->results_capacity < blocks) {
        free(worker->results);
        worker->results_capacity = 0;
        if (!(worker->results = cvy_allocate(blocks, sizeof *worker->results, "block results", status)))
            return false;
        worker->results_capacity = blocks;
    }
    return true;
}

/* The most blocks thread has in a step of `blocks` blocks or in the epoch's last, shorter one, and the most gradients
 * it holds at once. */
static size_t most_blocks(size_t blocks, size_t last_blocks, int thread, int threads, int *depth) {
    size_t most = 0;
    *depth = 0;
    for (int i = 0; i < 2; i++) {
        size_t begin, end;
        cvy_share_of(i ? last_blocks : blocks, thread, threads, &begin, &end);
        int needed = cvy_reduction_depth((uint32_t)begin, (uint32_t)end);
        *depth = needed > *depth ? needed : *depth;
        most = end - begin > most ? end - begin : most;
    }
    return most;
}

/* Makes a team of `threads` and room for its workers. */
static bool prepare(cvy_trainer *trainer, int threads, cvy_status *status) {
    if (threads > 1 && (!trainer->team || cvy_team_size(trainer->team) != threads)) {
        cvy_team_free(trainer->team);
        if (!(trainer->team = cvy_team_new(threads)))
            return cvy_fail(status, CVY_FAILED, "threads", "no team of %d threads could be made", threads);
    }
    if (trainer->workers_count >= threads)
        return true;
    cvy_worker *workers = cvy_allocate((size_t)threads, sizeof *workers, "threads", status);
    if (!workers)
        return false;
    if (trainer->workers_count)
        memcpy(workers, trainer->workers, (size_t)trainer->workers_count * sizeof *workers);
    free(trainer->workers);
    trainer->workers = workers;
    trainer->workers_count = threads;
    return true;
}

/* A job with a team that is to have exactly the size that was prepared. */
typedef struct cvy_call {
    cvy_trainer *trainer;
    const cvy_job *job;
    int prepared, granted;
} cvy_call;

static bool all_equipped(const cvy_trainer *trainer, int threads) {
    for (int t = 0; t < threads; t++)
        if (!cvy_ok(&trainer->workers[t].equipped))
            return false;
    return true;
}

/* A thread's part of a job. It allocates and first touches what it works with itself, so that this lies in the memory
 * next to its core. */
static void take_part(void *argument, int thread, int threads) {
    cvy_call *call = argument;
    cvy_trainer *trainer = call->trainer;
    const cvy_job *job = call->job;
    if (thread == 0)
        call->granted = threads;
    if (threads != call->prepared)
        return;
    cvy_binding binding = {0};
    cvy_processors processors;
    if (threads > 1 && cvy_topology_place(&trainer->topology, threads, thread, &processors))
        cvy_binding_enter(&binding, &processors);

    cvy_worker *worker = &trainer->workers[thread];
    int depth;
    size_t most = most_blocks(job->blocks, job->last_blocks, thread, threads, &depth);
    const bool replicated = job->training && cvy_replicates(trainer, job->blocks, threads);
    if (replicated) { /* steps take turns with two gradients and results, and there is the sum */
        depth = 3;
        most = 2;
    }
    worker->equipped.code = CVY_OK;
    equip(trainer, worker, job->plan, most, job->training ? depth : 0, replicated && thread > 0, &worker->equipped);
    cvy_workers_meet(trainer, threads);
    if (all_equipped(trainer, threads))
        job->work(job->argument, thread, threads);
    cvy_binding_leave(&binding);
}

/* The machine's shape, if not known yet; where it cannot be read, threads are not bound and blocks not split. */
static void know_topology(cvy_trainer *trainer) {
    cvy_status unreadable = {0};
    if (!trainer->topology_known)
        cvy_topology_read(&trainer->topology, &unreadable);
    trainer->topology_known = true;
}

int cvy_workers_parts(const cvy_trainer *trainer, size_t blocks, int threads) {
    int cores = trainer->crowds ? threads : trainer->topology.allowed;
    size_t crew = (size_t)(threads < cores ? threads : cores);
    return crew < 2 * blocks ? 1 : cvy_split_parts(&trainer->plan, crew / blocks);
}

/* A thread a block, or in training as many as do each block soonest. Each block has equally many of these, since a step
 * waits for the slowest. */
static int team_size(cvy_trainer *trainer, size_t blocks, bool training) {
    const int limit = trainer->threads_limit;
    if ((size_t)limit < blocks)
        return limit;
    if (!training || (size_t)limit < 2 * blocks)
        return (int)blocks;
    know_topology(trainer);
    return (int)blocks * cvy_workers_parts(trainer, blocks, limit);
}

int cvy_workers_of_step(cvy_trainer *trainer, size_t blocks) {
    return team_size(trainer, blocks, true);
}

int cvy_workers_run(cvy_trainer *trainer, const cvy_job *job, cvy_status *status) {
    int threads = team_size(trainer, job->blocks, job->training);
    if (threads > 1)
        know_topology(trainer);
    for (;;) {
        cvy_call call = {.trainer = trainer, .job = job, .prepared = threads};
        if (!prepare(trainer, threads, status))
            return 0;
        if (threads == 1)
            take_part(&call, 0, 1);
        else
            cvy_team_run(trainer->team, take_part, &call);
        if (call.granted == threads)
            break;
        threads = call.granted; /* the system may grant fewer than asked for */
    }
    for (int t = 0; t < threads; t++)
        if (!cvy_ok(&trainer->workers[t].equipped)) {
            *status = trainer->workers[t].equipped;
            return 0;
        }
    return threads;
}

void cvy_workers_free(cvy_trainer *trainer) {
    for (int i = 0; i < trainer->workers_count; i++) {
        for (int layout = 0; layout < CVY_LAYOUTS; layout++)
            free(trainer->workers[i].workspace[layout]);
        free(trainer->workers[i].loader);
        free(trainer->workers[i].gradients);
        free(trainer->workers[i].results);
        free(trainer->workers[i].watch);
        free(trainer->workers[i].replica);
    }
    free(trainer->workers);
    trainer->workers = NULL;
    trainer->workers_count = 0;
}

/* Why a step of so many images takes so many threads. */
static void explain(const cvy_trainer *trainer, size_t batch_size, int threads, char why[static 160]) {
    const size_t blocks = cvy_blocks_of(batch_size);
    const int cores = trainer->topology.allowed;
    const size_t crew = (size_t)(trainer->threads_limit < cores ? trainer->threads_limit : cores);
    int length = 0;
    if (threads < trainer->threads_limit || (size_t)threads > blocks)
        length = snprintf(why, 160, "a batch of %zu is %zu block%s of %d images", batch_size, blocks,
                          blocks == 1 ? "" : "s", CVY_LANES);
    if ((size_t)threads > blocks)
        snprintf(why + length, 160 - (size_t)length, ", split in %zu", (size_t)threads / blocks);
    else if (length > 0 && crew >= 2 * blocks)
        snprintf(why + length, 160 - (size_t)length, ", too small to split");
    else if (length == 0)
        snprintf(why, 160, "%s", trainer->threads_asked ? "as asked" : trainer->topology.why);
}

const char *cvy_trainer_threads_text(cvy_trainer *trainer, size_t batch_size, char text[static 256]) {
    const int threads = team_size(trainer, cvy_blocks_of(batch_size), true);
    char place[96], why[160];
    know_topology(trainer);
    explain(trainer, batch_size, threads, why);
    if (threads > 1)
        snprintf(text, 256, "%d threads: %s, %s", threads, why,
                 cvy_topology_place_text(&trainer->topology, threads, place));
    else
        snprintf(text, 256, "1 thread: %s", why);
    return text;
}
