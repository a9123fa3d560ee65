#define _GNU_SOURCE
#include "topology.h"

#include <hwloc.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/number.h"
#include "control_group.h"
#include "openmp.h"

/* ---- What of the machine may be used ---------------------------------------------------------------------------- */

/* Narrows `usable` to OpenMP's places; false if it has none. */
static bool keep_places(hwloc_topology_t machine, hwloc_cpuset_t usable) {
    const int capacity = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PU);
    int *processors = malloc((unsigned)capacity * sizeof *processors);
    hwloc_bitmap_t places = hwloc_bitmap_alloc();
    int count = processors && places ? cvy_openmp_places(processors, capacity) : 0;
    for (int i = 0; i < count && i < capacity; i++)
        hwloc_bitmap_set(places, (unsigned)processors[i]);
    if (count)
        hwloc_bitmap_and(usable, usable, places);
    hwloc_bitmap_free(places);
    free(processors);
    return count > 0;
}

/* Narrows `usable` to the calling thread's affinity mask, which the threads it starts inherit. */
static void keep_binding(hwloc_topology_t machine, hwloc_cpuset_t usable) {
    hwloc_bitmap_t binding = hwloc_bitmap_alloc();
    if (binding && hwloc_get_cpubind(machine, binding, HWLOC_CPUBIND_THREAD) == 0)
        hwloc_bitmap_and(usable, usable, binding);
    hwloc_bitmap_free(binding);
}

static hwloc_obj_type_t core_type(hwloc_topology_t machine) {
    /* Some virtual machines report processors only: each then counts as a core. */
    return hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
}

/* How many objects of a type hold a processor of the set. */
static int count_within(hwloc_topology_t machine, hwloc_obj_type_t type, hwloc_const_cpuset_t set) {
    int count = 0;
    for (hwloc_obj_t o = NULL; (o = hwloc_get_next_obj_by_type(machine, type, o));)
        count += hwloc_bitmap_intersects(o->cpuset, set);
    return count;
}

/* ---- Survey ----------------------------------------------------------------------------------------------------- */

/* hwloc does not always name the processor; /proc/cpuinfo then may: "model name : ...". */
static void read_cpuinfo(char *name, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return;
    char line[512];
    while (!*name && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (!value || strncmp(line, "model name", 10) != 0)
            continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(name, size, "%.*s", (int)strcspn(value, "\n"), value);
    }
    fclose(file);
}

static void survey_processor(hwloc_topology_t machine, cvy_topology *topology) {
    hwloc_obj_t package = hwloc_get_obj_by_type(machine, HWLOC_OBJ_PACKAGE, 0);
    const char *name = package ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    if (!name) /* the packages are unknown */
        name = hwloc_obj_get_info_by_name(hwloc_get_root_obj(machine), "CPUModel");
    if (name)
        snprintf(topology->processor, sizeof topology->processor, "%s", name);
    else if (hwloc_topology_is_thissystem(machine))
        read_cpuinfo(topology->processor, sizeof topology->processor);
}

/* The caches above the first processor that may be used. */
static void survey_caches(hwloc_topology_t machine, hwloc_const_cpuset_t usable, cvy_topology *topology) {
    hwloc_obj_t o = hwloc_get_pu_obj_by_os_index(machine, (unsigned)hwloc_bitmap_first(usable));
    for (; o; o = o->parent) {
        size_t *size = o->type == HWLOC_OBJ_L1CACHE   ? &topology->l1d
                       : o->type == HWLOC_OBJ_L2CACHE ? &topology->l2
                       : o->type == HWLOC_OBJ_L3CACHE ? &topology->l3
                                                      : NULL;
        if (size)
            *size = (size_t)o->attr->cache.size;
    }
}

static void survey(hwloc_topology_t machine, hwloc_const_cpuset_t usable, cvy_topology *topology) {
    int packages = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PACKAGE);
    topology->packages = packages > 0 ? packages : 1;
    topology->hardware_threads = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PU);
    topology->cores = hwloc_get_nbobjs_by_type(machine, core_type(machine));
    topology->allowed = count_within(machine, core_type(machine), usable);
    survey_processor(machine, topology);
    survey_caches(machine, usable, topology);
}

/* ---- Where threads may run -------------------------------------------------------------------------------------- */

/* Ranks the cores of one kind, in the order in which hwloc numbers them: neighbours share caches. */
static void rank_cores(hwloc_topology_t machine, hwloc_const_cpuset_t kind, cvy_topology *topology, int *ranked) {
    for (hwloc_obj_t core = NULL; (core = hwloc_get_next_obj_by_type(machine, core_type(machine), core));) {
        if (!hwloc_bitmap_intersects(core->cpuset, kind))
            continue;
        ++*ranked;
        for (int p = hwloc_bitmap_first(core->cpuset); p >= 0; p = hwloc_bitmap_next(core->cpuset, p))
            if (hwloc_bitmap_isset(kind, (unsigned)p))
                topology->rank[p] = (uint16_t)*ranked;
    }
}

/* Adds a part if it is larger than the last. */
static void add_part(hwloc_topology_t machine, hwloc_const_cpuset_t set, const char *name, cvy_topology *topology) {
    int cores = count_within(machine, core_type(machine), set);
    int last = topology->parts ? topology->part[topology->parts - 1].cores : 0;
    if (cores <= last || topology->parts == CVY_PARTS_MAX)
        return;
    cvy_part *part = &topology->part[topology->parts++];
    *part = (cvy_part){.cores = cores};
    snprintf(part->name, sizeof part->name, "%s", name);
    for (int p = hwloc_bitmap_first(set); p >= 0; p = hwloc_bitmap_next(set, p))
        cvy_processors_add(&part->processors, (unsigned)p);
}

/* The parts around `here`: the cores of the fastest kind under each cache above it, in its package, in the machine. */
static bool find_parts(hwloc_topology_t machine, hwloc_const_cpuset_t usable, hwloc_const_cpuset_t fastest, int here,
                       cvy_topology *topology) {
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (!set)
        return false;
    if (here < 0 || !hwloc_bitmap_isset(fastest, (unsigned)here))
        here = hwloc_bitmap_first(fastest);
    const char *whole = hwloc_bitmap_isequal(fastest, usable) ? "" : "of the fastest kind";
    for (hwloc_obj_t o = hwloc_get_pu_obj_by_os_index(machine, (unsigned)here); o; o = o->parent) {
        char name[32] = "of one package";
        if (o->type != HWLOC_OBJ_PACKAGE && !hwloc_obj_type_is_dcache(o->type))
            continue;
        if (o->type != HWLOC_OBJ_PACKAGE)
            snprintf(name, sizeof name, "under one L%u cache", o->attr->cache.depth);
        hwloc_bitmap_and(set, o->cpuset, fastest);
        add_part(machine, set, hwloc_bitmap_isequal(set, fastest) ? whole : name, topology);
    }
    add_part(machine, fastest, whole, topology);
    hwloc_bitmap_free(set);
    return true;
}

/* Kind `k` of usable cores, the fastest first; all are of one kind where the system does not rank them. */
static void copy_kind(hwloc_topology_t machine, hwloc_const_cpuset_t usable, int kinds, int k, hwloc_cpuset_t set) {
    hwloc_bitmap_copy(set, usable);
    if (kinds < 2)
        return;
    hwloc_cpukinds_get_info(machine, (unsigned)(kinds - 1 - k), set, NULL, NULL, NULL, 0);
    hwloc_bitmap_and(set, set, usable);
}

static int count_kinds(hwloc_topology_t machine) {
    int efficiency = -1, kinds = hwloc_cpukinds_get_nr(machine, 0);
    if (kinds > 1)
        hwloc_cpukinds_get_info(machine, 0, NULL, &efficiency, NULL, NULL, 0);
    return efficiency < 0 ? 1 : kinds; /* -1: kinds that hwloc could not rank */
}

/* Fills in ranks, kinds and parts; without memory, or on a machine that is too large, they stay unknown. */
static void find_places(hwloc_topology_t machine, hwloc_const_cpuset_t usable, const cvy_topology_limits *limits,
                        cvy_topology *topology) {
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    topology->bound_by = limits->bound_by;
    if (!set || hwloc_bitmap_last(usable) >= CVY_PROCESSORS_MAX) {
        hwloc_bitmap_free(set);
        return;
    }
    bool good = true;
    int ranked = 0;
    for (int k = 0, kinds = count_kinds(machine); good && k < kinds; k++) {
        int before = ranked;
        copy_kind(machine, usable, kinds, k, set);
        if (hwloc_bitmap_iszero(set) || topology->kinds == CVY_PARTS_MAX)
            continue;
        rank_cores(machine, set, topology, &ranked);
        if (topology->kinds == 0)
            good = find_parts(machine, usable, set, limits->here, topology);
        topology->kind_cores[topology->kinds++] = ranked - before;
    }
    topology->placed = good && ranked == topology->allowed;
    hwloc_bitmap_free(set);
}

/* ---- How many threads ------------------------------------------------------------------------------------------- */

int cvy_topology_omp_threads(const char *text) {
    char *end;
    long threads = strtol(text, &end, 10);
    if (end == text || threads < 1 || threads > INT_MAX)
        return 0;
    end += strspn(end, " \t");
    return *end == '\0' || *end == ',' ? (int)threads : 0;
}

/* One thread a core that may be used: one thread keeps a core's vector units busy, and a second would share them. */
static void choose_threads(const cvy_topology_limits *limits, cvy_topology *topology) {
    int wanted = limits->omp_threads ? cvy_topology_omp_threads(limits->omp_threads) : 0;
    if (wanted) {
        topology->threads = wanted;
        snprintf(topology->why, sizeof topology->why, "OMP_NUM_THREADS=%d", wanted);
        return;
    }
    int allowed = topology->allowed;
    bool capped = limits->quota < allowed;
    char quota[CVY_NUMBER_MAX];
    int threads = topology->threads = capped ? (int)fmax(1, ceil(limits->quota)) : allowed;
    if (capped)
        snprintf(topology->why, sizeof topology->why, "%d core%s: the quota allows %s", threads,
                 threads == 1 ? "" : "s", cvy_number_write(limits->quota, 6, quota));
    else
        snprintf(topology->why, sizeof topology->why, "%d of %d core%s", threads, topology->cores,
                 topology->cores == 1 ? "" : "s");
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* The variable that tells OpenMP where its threads run. */
static const char *bound_by(void) {
    static const char *const names[] = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return names[i];
    return NULL;
}

/* Fills topology from a loaded machine; `usable` is owned by the caller and not empty. */
static void fill(hwloc_topology_t machine, hwloc_const_cpuset_t usable, const cvy_topology_limits *limits,
                 cvy_topology *topology) {
    memset(topology, 0, sizeof *topology);
    survey(machine, usable, topology);
    choose_threads(limits, topology);
    find_places(machine, usable, limits, topology);
}

static bool load(hwloc_topology_t machine, cvy_status *status) {
    /* The machine's cores include those that this process may not use. */
    if (hwloc_topology_set_flags(machine, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) ||
        hwloc_topology_set_all_types_filter(machine, HWLOC_TYPE_FILTER_KEEP_NONE) ||
        hwloc_topology_set_type_filter(machine, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL) ||
        hwloc_topology_set_type_filter(machine, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL) ||
        hwloc_topology_set_cache_types_filter(machine, HWLOC_TYPE_FILTER_KEEP_ALL) ||
        hwloc_topology_set_icache_types_filter(machine, HWLOC_TYPE_FILTER_KEEP_NONE) || hwloc_topology_load(machine))
        return cvy_fail_errno(status, "hwloc", "cannot read the topology of this machine");
    return true;
}

/* hwloc crashes where memory is short. Whether it will be is tried with more than it takes, which is 40 KiB on two
 * processors and 2 MiB on 1,024 (hwloc 2.9). */
static bool has_memory(cvy_status *status) {
    const long processors = sysconf(_SC_NPROCESSORS_CONF);
    const size_t bytes = (1u << 20) + ((size_t)(processors > 0 ? processors : 1) << 14);
    void *volatile tried = malloc(bytes); /* volatile: a compiler may leave out what is only freed */
    const bool enough = tried;
    free(tried);
    return enough || cvy_fail_memory(status, "hwloc", bytes);
}

bool cvy_topology_read(cvy_topology *topology, cvy_status *status) {
    hwloc_topology_t machine;
    if (!cvy_ok(status) || !has_memory(status))
        return false;
    if (hwloc_topology_init(&machine))
        return cvy_fail_errno(status, "hwloc", "cannot start");
    /* hwloc's x86 component moves the calling thread over all processors. What it adds to the system's own tables is
     * not needed here. */
    hwloc_topology_set_components(machine, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
    bool good = load(machine, status);
    hwloc_cpuset_t usable = good ? hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(machine)) : NULL;
    if (good && !usable)
        good = cvy_fail_memory(status, "hwloc", sizeof(long));
    if (good) {
        if (!keep_places(machine, usable))
            keep_binding(machine, usable);
        if (hwloc_bitmap_iszero(usable)) /* the system's tables contradict each other */
            hwloc_bitmap_copy(usable, hwloc_topology_get_allowed_cpuset(machine));
        cvy_topology_limits limits = {.quota = cvy_cpu_quota("/proc/self/cgroup", "/proc/self/mounts"),
                                      .omp_threads = getenv("OMP_NUM_THREADS"),
                                      .bound_by = bound_by(),
                                      .here = sched_getcpu()};
        fill(machine, usable, &limits, topology);
    }
    hwloc_bitmap_free(usable);
    hwloc_topology_destroy(machine);
    return good;
}

static bool describe(hwloc_topology_t machine, hwloc_cpuset_t usable, const char *description,
                     const cvy_topology_limits *limits, cvy_topology *topology, cvy_status *status) {
    bool xml = description[0] == '<';
    if (xml ? hwloc_topology_set_xmlbuffer(machine, description, (int)strlen(description) + 1)
            : hwloc_topology_set_synthetic(machine, description))
        return cvy_fail(status, CVY_FAILED, "topology", "hwloc does not understand '%.64s'", description);
    if (!load(machine, status))
        return false;
    hwloc_bitmap_copy(usable, hwloc_topology_get_allowed_cpuset(machine));
    if (limits->processors) {
        if (hwloc_bitmap_list_sscanf(usable, limits->processors))
            return cvy_fail(status, CVY_FAILED, "topology", "'%s' is no list of processors", limits->processors);
        hwloc_bitmap_and(usable, usable, hwloc_topology_get_allowed_cpuset(machine));
        if (hwloc_bitmap_iszero(usable))
            return cvy_fail(status, CVY_FAILED, "topology", "the machine has none of processors %s",
                            limits->processors);
    }
    fill(machine, usable, limits, topology);
    return true;
}

bool cvy_topology_describe(const char *description, const cvy_topology_limits *limits, cvy_topology *topology,
                           cvy_status *status) {
    hwloc_topology_t machine;
    if (!cvy_ok(status))
        return false;
    if (hwloc_topology_init(&machine))
        return cvy_fail_errno(status, "hwloc", "cannot start");
    hwloc_cpuset_t usable = hwloc_bitmap_alloc();
    bool good = usable ? describe(machine, usable, description, limits, topology, status)
                       : cvy_fail_memory(status, "hwloc", sizeof(long));
    hwloc_bitmap_free(usable);
    hwloc_topology_destroy(machine);
    return good;
}
