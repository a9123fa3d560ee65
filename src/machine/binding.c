#define _GNU_SOURCE
#include "binding.h"

#include "openmp.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

/* The part that a team of this size stays within, if it fits one. */
static const cvy_part *part_for(const cvy_topology *topology, int threads) {
    for (int i = 0; i < topology->parts; i++)
        if (topology->part[i].cores >= threads)
            return &topology->part[i];
    return NULL;
}

/* The processors of the cores with ranks [begin, end). */
static void copy_ranks(const cvy_topology *topology, int begin, int end, cvy_processors *processors) {
    *processors = (cvy_processors){0};
    for (unsigned p = 0; p < CVY_PROCESSORS_MAX; p++)
        if (topology->rank[p] > begin && topology->rank[p] <= end)
            cvy_processors_add(processors, p);
}

static bool keeps_threads(const cvy_topology *topology, int threads) {
    return topology->placed && !topology->bound_by && threads <= topology->allowed;
}

bool cvy_topology_place(const cvy_topology *topology, int threads, int thread, cvy_processors *processors) {
    if (topology->bound_by)
        return cvy_openmp_place(threads, thread, processors);
    if (!keeps_threads(topology, threads))
        return false;
    const cvy_part *part = part_for(topology, threads);
    if (threads == topology->allowed) {
        copy_ranks(topology, thread, thread + 1, processors);
    } else if (part) {
        *processors = part->processors;
    } else {
        int begin = 0, kind = 0;
        while (thread >= begin + topology->kind_cores[kind])
            begin += topology->kind_cores[kind++];
        copy_ranks(topology, begin, begin + topology->kind_cores[kind], processors);
    }
    return true;
}

const char *cvy_topology_place_text(const cvy_topology *topology, int threads, char text[static 96]) {
    const cvy_part *part = part_for(topology, threads);
    if (topology->bound_by)
        snprintf(text, 96, "placed by %s", topology->bound_by);
    else if (!keeps_threads(topology, threads))
        snprintf(text, 96, "not bound");
    else if (threads == topology->allowed)
        snprintf(text, 96, "each bound to its core");
    else if (!part)
        snprintf(text, 96, "the faster cores first");
    else if (*part->name)
        snprintf(text, 96, "kept to %d core%s %s", part->cores, part->cores == 1 ? "" : "s", part->name);
    else
        snprintf(text, 96, "free to move");
    return text;
}

void cvy_binding_enter(cvy_binding *binding, const cvy_processors *processors) {
    *binding = (cvy_binding){0};
    if (sched_getaffinity(0, sizeof binding->before, (cpu_set_t *)&binding->before))
        return;
    if (memcmp(&binding->before, processors, sizeof *processors) != 0)
        binding->changed = !sched_setaffinity(0, sizeof *processors, (const cpu_set_t *)processors);
}

void cvy_binding_leave(const cvy_binding *binding) {
    if (binding->changed)
        sched_setaffinity(0, sizeof binding->before, (const cpu_set_t *)&binding->before);
}
