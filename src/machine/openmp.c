#include "openmp.h"

#include <omp.h>
#include <stdlib.h>

int cvy_openmp_limit(void) {
    return omp_get_active_level() < omp_get_max_active_levels() ? omp_get_thread_limit() : 1;
}

int cvy_openmp_processors(void) {
    return omp_get_num_procs();
}

/* Hands out the processors of one place, which the caller frees; NULL without memory. */
static int *processors_of(int place, int *count) {
    *count = omp_get_place_num_procs(place);
    int *ids = malloc((size_t)(*count > 0 ? *count : 1) * sizeof *ids);
    if (ids)
        omp_get_place_proc_ids(place, ids);
    return ids;
}

static int count_places(void) {
    return omp_get_proc_bind() == omp_proc_bind_false ? 0 : omp_get_num_places();
}

int cvy_openmp_places(int *processors, int capacity) {
    int count = 0;
    for (int place = 0, places = count_places(); place < places; place++) {
        int size, *ids = processors_of(place, &size);
        if (!ids)
            break;
        for (int i = 0; i < size; i++, count++)
            if (count < capacity)
                processors[count] = ids[i];
        free(ids);
    }
    return count;
}

bool cvy_openmp_place(int threads, int thread, cvy_processors *processors) {
    const omp_proc_bind_t policy = omp_get_proc_bind();
    const int places = count_places();
    if (places == 0)
        return false;
    int place = (int)((long)thread * places / threads); /* spread */
    if (policy == omp_proc_bind_master)
        place = 0;
    else if (policy != omp_proc_bind_spread && threads <= places) /* close, and what "true" means */
        place = thread;
    int size, *ids = processors_of(place, &size);
    if (!ids)
        return false;
    *processors = (cvy_processors){0};
    bool fits = size > 0;
    for (int i = 0; i < size && fits; i++) {
        fits = ids[i] >= 0 && ids[i] < CVY_PROCESSORS_MAX;
        if (fits)
            cvy_processors_add(processors, (unsigned)ids[i]);
    }
    free(ids);
    return fits;
}
