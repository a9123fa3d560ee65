/* Where the threads of a team run. */
#ifndef CVY_BINDING_H
#define CVY_BINDING_H

#include "topology.h"

/* The processors that a thread of a team of `threads` stays on; false: the thread is not bound.
 *
 * A team of all allowed cores binds each thread to its own core. A smaller team stays together: its threads move freely
 * within the smallest part of the machine (a shared cache, a package) that holds the caller and has enough cores of the
 * fastest kind. If its threads were bound to single cores, two processes would both choose the first ones while others
 * are idle. If the fastest kind has too few cores, each thread stays on the kind of its rank. OpenMP's places
 * win.
 *
 * Measured on two cores (Zen 5, Linux 6.18, epochs of the lesson in seconds, median of 6 to 8 runs in turn):
 *
 *                                           free     each on its core
 *   two threads alone                       0.096    0.098
 *   beside one busy process                 0.42     0.35
 *   beside two                              0.59     0.59
 *   two runs of two threads                 0.246    0.152
 *   two runs of one thread                  0.144    0.281 (the same core) */
bool cvy_topology_place(const cvy_topology *topology, int threads, int thread, cvy_processors *processors);

/* Where a team of `threads` runs, in words: "each bound to its core". */
const char *cvy_topology_place_text(const cvy_topology *topology, int threads, char text[static 96]);

/* The calling thread's affinity mask from before. It is restored, because the threads belong to the caller's program.
 */
typedef struct cvy_binding {
    bool changed;
    cvy_processors before;
} cvy_binding;

/* Binds the calling thread to `processors`. If the system refuses, the thread keeps its mask. */
void cvy_binding_enter(cvy_binding *binding, const cvy_processors *processors);
void cvy_binding_leave(const cvy_binding *binding);

#endif
