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

/* Inside a run, called by every thread of it the same number of times: returns when all have called it. Releases what
 * the thread wrote before, and acquires what every other thread wrote before its own call. Spins a bounded time, then
 * sleeps: with fewer cores than threads it must not stand in the way. */
void cvy_team_barrier(cvy_team *team);

/* The logical processors of the places that OpenMP was told to keep its threads on (OMP_PROC_BIND, OMP_PLACES), as many
 * as fit into processors[0 .. capacity); returns how many there are, 0 if it was told nothing. With such places the
 * calling thread is bound to the first of them, so that its own affinity mask says nothing of what a team may use. */
int cvy_team_places(int *processors, int capacity);

#endif
