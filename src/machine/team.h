/* A team of threads. All state is in the team, so that teams may run side by side and within one another.
 *
 * The threads are the team's own, not OpenMP's, whose runtime ends the process when the system starts no more threads,
 * and hangs in a child that was forked from a process with a team. They live as long as the team, asleep between its
 * runs, compute in the default floating-point environment, and take no signals. */
#ifndef CVY_TEAM_H
#define CVY_TEAM_H

typedef struct cvy_team cvy_team;

/* A team of `threads` (>= 1), or of as many as the system starts; NULL without memory. */
cvy_team *cvy_team_new(int threads);
void cvy_team_free(cvy_team *team);

/* How many threads it was asked for, and has. A team of a forked process's parent starts its threads anew. */
int cvy_team_wanted(const cvy_team *team);
int cvy_team_size(cvy_team *team);

/* `threads` is the team's size, `thread` which of them this is: 0 <= thread < threads. */
typedef void cvy_team_fn(void *argument, int thread, int threads);

/* Runs work on every thread of the team, the caller being thread 0, and returns when all are done: what the caller
 * wrote before is visible to every thread, what any thread wrote is visible to the caller afterwards. One run of a team
 * at a time. A team of one is a plain call. */
void cvy_team_run(cvy_team *team, cvy_team_fn *work, void *argument);

/* Every thread of a run calls this the same number of times; it returns when all have called it. It releases what the
 * thread wrote before, and acquires what the other threads wrote before their calls. It spins for a bounded time and
 * then sleeps, because with fewer cores than threads a spinning thread keeps another from running. */
void cvy_team_barrier(cvy_team *team);

#endif
