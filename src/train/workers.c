/* A trainer's threads and what each of them works with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/memory.h"
#include "batch.h"
#include "binding.h"

/* Gives worker what it needs for `blocks` blocks a step; depth 0: forward only. */
static bool equip(cvy_trainer *trainer, cvy_worker *worker, size_t blocks, int depth, cvy_status *status) {
    if (!worker->workspace &&
        !(worker->workspace = cvy_allocate(trainer->plan.workspace, sizeof(float), "block workspace", status)))
        return false;
    if (worker->intake_floats < trainer->intake.floats) {
        free(worker->intake);
        worker->intake_floats = 0;
        if (!(worker->intake = cvy_allocate(trainer->intake.floats, sizeof(float), "images on their way", status)))
            return false;
        worker->intake_floats = trainer->intake.floats;
    }
    if (worker->depth < depth) {
        free(worker->gradients);
        worker->depth = 0;
        worker->gradients = cvy_allocate((size_t)depth * trainer->variables.floats, sizeof(float), "gradients", status);
        if (!worker->gradients)
            return false;
        worker->depth = depth;
    }
    if (trainer->profile.wanted && !worker->watch &&
        !(worker->watch = cvy_allocate(1, cvy_watch_size(trainer->plan.count), "profile", status)))
        return false;
    if (worker->tally_capacity < blocks) {
        free(worker->tallies);
        worker->tally_capacity = 0;
        if (!(worker->tallies = cvy_allocate(blocks, sizeof *worker->tallies, "block results", status)))
            return false;
        worker->tally_capacity = blocks;
    }
    return true;
}

/* The most blocks thread has in a step of `blocks` blocks or in the epoch's last, shorter one, and the most gradients
 * it holds at once. */
static size_t most_blocks(size_t blocks, size_t last_blocks, int thread, int threads, int *depth) {
    size_t most = 0;
    *depth = 1;
    for (int i = 0; i < 2; i++) {
        size_t begin, end;
        cvy_share_of(i ? last_blocks : blocks, thread, threads, &begin, &end);
        int needed = cvy_forest_depth((uint32_t)begin, (uint32_t)end);
        *depth = needed > *depth ? needed : *depth;
        most = end - begin > most ? end - begin : most;
    }
    return most;
}

/* Makes a team of `threads` and room for its workers. */
static bool prepare(cvy_trainer *trainer, int threads, cvy_status *status) {
    if (!trainer->team || cvy_team_size(trainer->team) != threads) {
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

/* Work that fits a team of exactly the size that was prepared. */
typedef struct cvy_job {
    cvy_trainer *trainer;
    size_t blocks, last_blocks;
    bool training;
    cvy_team_fn *work;
    void *argument;
    int prepared, granted;
} cvy_job;

static bool all_equipped(const cvy_trainer *trainer, int threads) {
    for (int t = 0; t < threads; t++)
        if (!cvy_ok(&trainer->workers[t].equipped))
            return false;
    return true;
}

/* A thread's part of a job. It allocates and first touches what it works with itself, so that this lies in the memory
 * next to its core. */
static void take_part(void *argument, int thread, int threads) {
    cvy_job *job = argument;
    cvy_trainer *trainer = job->trainer;
    if (thread == 0)
        job->granted = threads;
    if (threads != job->prepared)
        return;
    cvy_binding binding = {0};
    cvy_processors processors;
    if (threads > 1 && cvy_topology_place(&trainer->topology, threads, thread, &processors))
        cvy_binding_enter(&binding, &processors);

    cvy_worker *worker = &trainer->workers[thread];
    int depth;
    size_t most = most_blocks(job->blocks, job->last_blocks, thread, threads, &depth);
    worker->equipped = (cvy_status){0};
    equip(trainer, worker, most, job->training ? depth : 0, &worker->equipped);
    cvy_team_barrier(trainer->team);
    if (all_equipped(trainer, threads))
        job->work(job->argument, thread, threads);
    cvy_binding_leave(&binding);
}

/* More threads than blocks could not help. */
static int team_size(const cvy_trainer *trainer, size_t blocks) {
    return (size_t)trainer->threads_limit < blocks ? trainer->threads_limit : (int)blocks;
}

/* The machine's shape, if not known yet; where it cannot be read, threads are not bound. */
static void know_topology(cvy_trainer *trainer) {
    cvy_status unreadable = {0};
    if (!trainer->topology_known)
        cvy_topology_read(&trainer->topology, &unreadable);
    trainer->topology_known = true;
}

int cvy_workers_run(cvy_trainer *trainer, size_t blocks, size_t last_blocks, bool training, cvy_team_fn *work,
                    void *argument, cvy_status *status) {
    int threads = team_size(trainer, blocks);
    if (threads > 1)
        know_topology(trainer);
    cvy_job job = {.trainer = trainer,
                   .blocks = blocks,
                   .last_blocks = last_blocks,
                   .training = training,
                   .work = work,
                   .argument = argument,
                   .prepared = threads};
    for (;; job.prepared = job.granted) { /* the system may grant fewer than asked for */
        if (!prepare(trainer, job.prepared, status))
            return 0;
        cvy_team_run(trainer->team, take_part, &job);
        if (job.granted == job.prepared)
            break;
    }
    for (int t = 0; t < job.prepared; t++)
        if (!cvy_ok(&trainer->workers[t].equipped)) {
            *status = trainer->workers[t].equipped;
            return 0;
        }
    return job.prepared;
}

void cvy_workers_free(cvy_trainer *trainer) {
    for (int i = 0; i < trainer->workers_count; i++) {
        free(trainer->workers[i].workspace);
        free(trainer->workers[i].intake);
        free(trainer->workers[i].gradients);
        free(trainer->workers[i].tallies);
        free(trainer->workers[i].watch);
    }
    free(trainer->workers);
    trainer->workers = NULL;
    trainer->workers_count = 0;
}

const char *cvy_trainer_threads_text(cvy_trainer *trainer, size_t batch_size, char text[static 256]) {
    const int threads = team_size(trainer, cvy_blocks_of(batch_size));
    char place[96], why[160];
    know_topology(trainer);
    if (threads < trainer->threads_limit)
        snprintf(why, sizeof why, "a batch of %zu is %d block%s of %d images", batch_size, threads,
                 threads == 1 ? "" : "s", CVY_LANES);
    else
        snprintf(why, sizeof why, "%s", trainer->threads_asked ? "as asked" : trainer->topology.why);
    if (threads > 1)
        snprintf(text, 256, "%d threads: %s, %s", threads, why,
                 cvy_topology_place_text(&trainer->topology, threads, place));
    else
        snprintf(text, 256, "1 thread: %s", why);
    return text;
}
