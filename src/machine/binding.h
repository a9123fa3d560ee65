/* Where the threads of a team are kept. */
#ifndef CVY_BINDING_H
#define CVY_BINDING_H

#include "topology.h"

/* The processors that a thread of a team of `threads` should stay on; false: wherever it likes.
 *
 * A team that takes every core allowed has one for each thread. A smaller one stays together, within the smallest part
 * of the machine (a shared cache, a package) that has enough cores of the fastest kind and holds the caller, but moves
 * freely there: bound to single cores, two processes that both choose the first ones would share them while others are
 * idle. Where the fastest kind is too few, each thread stays with the kind of its rank. OpenMP's own settings win.
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

/* Where a team of `threads` is kept, in words: "each bound to its core". */
const char *cvy_topology_place_text(const cvy_topology *topology, int threads, char text[static 96]);

/* The calling thread's affinity mask from before, to go back to: the threads are the caller's program's, too. */
typedef struct cvy_binding {
    bool changed;
    cvy_processors before;
} cvy_binding;

/* Keeps the calling thread to `processors`; where the system refuses, it stays as it was. */
void cvy_binding_enter(cvy_binding *binding, const cvy_processors *processors);
void cvy_binding_leave(const cvy_binding *binding);

#endif
