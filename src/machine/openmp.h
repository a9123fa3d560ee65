/* What OpenMP's settings say (OMP_THREAD_LIMIT, OMP_PROC_BIND, OMP_PLACES): the only user of OpenMP, which reads them.
 * The threads are Convoy's own (team.h). */
#ifndef CVY_OPENMP_H
#define CVY_OPENMP_H

#include "topology.h"

/* The most threads that OpenMP would give the caller: OMP_THREAD_LIMIT; 1 inside a parallel region that may hold no
 * other. */
int cvy_openmp_limit(void);

/* The logical processors of OpenMP's places, as many as fit into processors[0 .. capacity). Returns how many there are,
 * 0 without such settings. With places, OpenMP binds the program's first thread to the first of them, so the thread's
 * own affinity mask does not say what a team may use. */
int cvy_openmp_places(int *processors, int capacity);

/* The place of a thread in a team of `threads`, as OMP_PROC_BIND has it; false without places. */
bool cvy_openmp_place(int threads, int thread, cvy_processors *processors);

/* The logical processors that this process may use. */
int cvy_openmp_processors(void);

#endif
