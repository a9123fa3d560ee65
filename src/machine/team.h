/* A team of threads: the only user of OpenMP. All state is in the team, so that teams may run side by side and within
 * one another. */
#ifndef CVY_TEAM_H
#define CVY_TEAM_H

#include <stdbool.h>

typedef struct cvy_team cvy_team;

/* A team of `threads` (>= 1); NULL without memory. */
cvy_team *cvy_team_new(int threads);
void cvy_team_free(cvy_team *team);

/* The size asked for. A run may have fewer threads (OMP_THREAD_LIMIT, a run inside another parallel region). */
int cvy_team_size(const cvy_team *team);

/* `threads` is how many threads this run really has, `thread` which of them this is: 0 <= thread < threads. */
typedef void cvy_team_fn(void *argument, int thread, int threads);

/* Runs work on every thread of the team, the caller being thread 0, and returns when all are done: what the caller
 * wrote before is visible to every thread, what any thread wrote is visible to the caller afterwards. One run of a team
 * at a time. A team of one is a plain call. */
void cvy_team_run(cvy_team *team, cvy_team_fn *work, void *argument);

/* Every thread of a run calls this the same number of times; it returns when all have called it. It releases what the
 * thread wrote before, and acquires what the other threads wrote before their calls. It spins for a bounded time and
 * then sleeps, because with fewer cores than threads a spinning thread keeps another from running. */
void cvy_team_barrier(cvy_team *team);

/* The logical processors of OpenMP's places (OMP_PROC_BIND, OMP_PLACES), as many as fit into processors[0 .. capacity).
 * Returns how many there are, 0 without such settings. With places, OpenMP binds the calling thread to the first of
 * them, so the thread's own affinity mask does not say what a team may use. */
int cvy_team_places(int *processors, int capacity);

#endif
