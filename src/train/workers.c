/* A trainer's threads and what each of them works with. */
#include <stdlib.h>
#include <string.h>

#include "../base/memory.h"
#include "batch.h"

/* Gives worker what it needs for `blocks` blocks a step; depth 0: forward only. */
static bool equip(cvy_trainer *trainer, cvy_worker *worker, size_t blocks, int depth, cvy_status *status) {
    if (!worker->workspace &&
        !(worker->workspace = cvy_allocate(trainer->plan.workspace, sizeof(float), "block workspace", status)))
        return false;
    if (worker->depth < depth) {
        free(worker->gradients);
        worker->depth = 0;
        worker->gradients = cvy_allocate((size_t)depth * trainer->variables.floats, sizeof(float), "gradients", status);
        if (!worker->gradients)
            return false;
        worker->depth = depth;
    }
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

/* Makes a team of `threads` and its workers ready for steps of `blocks` blocks, the last one of last_blocks. */
static bool prepare(cvy_trainer *trainer, int threads, size_t blocks, size_t last_blocks, bool training,
                    cvy_status *status) {
    if (!trainer->team || cvy_team_size(trainer->team) != threads) {
        cvy_team_free(trainer->team);
        if (!(trainer->team = cvy_team_new(threads)))
            return cvy_fail(status, CVY_FAILED, "threads", "no team of %d threads could be made", threads);
    }
    if (trainer->workers_count < threads) {
        cvy_worker *workers = cvy_allocate((size_t)threads, sizeof *workers, "threads", status);
        if (!workers)
            return false;
        if (trainer->workers_count)
            memcpy(workers, trainer->workers, (size_t)trainer->workers_count * sizeof *workers);
        free(trainer->workers);
        trainer->workers = workers;
        trainer->workers_count = threads;
    }
    for (int t = 0; t < threads; t++) {
        int depth;
        size_t most = most_blocks(blocks, last_blocks, t, threads, &depth);
        if (!equip(trainer, &trainer->workers[t], most, training ? depth : 0, status))
            return false;
    }
    return true;
}

/* Work that fits a team of exactly the size that was prepared. */
typedef struct cvy_job {
    cvy_team_fn *work;
    void *argument;
    int prepared, granted;
} cvy_job;

static void work_if_whole(void *argument, int thread, int threads) {
    cvy_job *job = argument;
    if (thread == 0)
        job->granted = threads;
    if (threads == job->prepared)
        job->work(job->argument, thread, threads);
}

int cvy_workers_run(cvy_trainer *trainer, size_t blocks, size_t last_blocks, bool training, cvy_team_fn *work,
                    void *argument, cvy_status *status) {
    int threads = (size_t)trainer->threads_limit < blocks ? trainer->threads_limit : (int)blocks;
    for (;;) {
        cvy_job job = {.work = work, .argument = argument, .prepared = threads};
        if (!prepare(trainer, threads, blocks, last_blocks, training, status))
            return 0;
        cvy_team_run(trainer->team, work_if_whole, &job);
        if (job.granted == threads)
            return threads;
        threads = job.granted;
    }
}

void cvy_workers_free(cvy_trainer *trainer) {
    for (int i = 0; i < trainer->workers_count; i++) {
        free(trainer->workers[i].workspace);
        free(trainer->workers[i].gradients);
        free(trainer->workers[i].tallies);
    }
    free(trainer->workers);
    trainer->workers = NULL;
    trainer->workers_count = 0;
}
