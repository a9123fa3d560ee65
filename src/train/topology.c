#define _GNU_SOURCE
#include "topology.h"

#include <hwloc.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "team.h"

/* ---- What of the machine may be used ---------------------------------------------------------------------------- */

/* Narrows `usable` to the places that OpenMP keeps its threads on; false if it was not told any. */
static bool keep_places(hwloc_topology_t machine, hwloc_cpuset_t usable) {
    const int capacity = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PU);
    int *processors = malloc((unsigned)capacity * sizeof *processors);
    hwloc_bitmap_t places = hwloc_bitmap_alloc();
    int count = processors && places ? cvy_team_places(processors, capacity) : 0;
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

/* How many objects of a type hold a processor of the set. */
static int count_within(hwloc_topology_t machine, hwloc_obj_type_t type, hwloc_const_cpuset_t set) {
    int count = 0;
    for (hwloc_obj_t o = NULL; (o = hwloc_get_next_obj_by_type(machine, type, o));)
        count += hwloc_bitmap_intersects(o->cpuset, set);
    return count;
}

/* ---- Survey ----------------------------------------------------------------------------------------------------- */

/* Where the system's tables do not name the processor, Linux may still: "model name : ...". */
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
    if (!name) /* of a machine whose packages are unknown */
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
    int cores = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_CORE);
    /* Some virtual machines tell of processors only: each then counts as a core. */
    hwloc_obj_type_t core = cores > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
    topology->packages = packages > 0 ? packages : 1;
    topology->hardware_threads = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PU);
    topology->cores = cores > 0 ? cores : topology->hardware_threads;
    topology->allowed = count_within(machine, core, usable);
    survey_processor(machine, topology);
    survey_caches(machine, usable, topology);
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

/* One thread a core that may be used: the kernels keep a core's vector units busy, a second thread on it would only
 * share them. */
static void choose_threads(const cvy_topology_limits *limits, cvy_topology *topology) {
    int told = limits->omp_threads ? cvy_topology_omp_threads(limits->omp_threads) : 0;
    if (told) {
        topology->threads = told;
        snprintf(topology->why, sizeof topology->why, "OMP_NUM_THREADS=%d", told);
        return;
    }
    int allowed = topology->allowed;
    bool capped = limits->quota < allowed;
    int threads = topology->threads = capped ? (int)fmax(1, ceil(limits->quota)) : allowed;
    if (capped)
        snprintf(topology->why, sizeof topology->why, "%d core%s: cpu.max allows %g", threads, threads == 1 ? "" : "s",
                 limits->quota);
    else
        snprintf(topology->why, sizeof topology->why, "%d of %d core%s", threads, topology->cores,
                 topology->cores == 1 ? "" : "s");
}

/* ---- Quota ------------------------------------------------------------------------------------------------------ */

double cvy_topology_cpu_max(const char *text) {
    double quota, period;
    if (sscanf(text, "%lf %lf", &quota, &period) != 2 || !(quota > 0) || !(period > 0))
        return INFINITY;
    return quota / period;
}

/* Copies into `found`, of PATH_MAX bytes, what `pick` finds in the first line of a file where it finds something. */
static bool search_lines(const char *path, char *(*pick)(char *line), char *found) {
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char *line = NULL, *part = NULL;
    size_t size = 0;
    while (!part && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        part = pick(line);
    }
    bool good = part && snprintf(found, PATH_MAX, "%s", part) < PATH_MAX;
    free(line);
    fclose(file);
    return good;
}

/* Of "hierarchy:controllers:path" the path, in the version 2 hierarchy. */
static char *pick_group(char *line) {
    return strncmp(line, "0::/", 4) == 0 ? line + 3 : NULL;
}

/* Of "device mount-point type options ..." the mount point, where the version 2 hierarchy is. */
static char *pick_mount_point(char *line) {
    char *rest, *device = strtok_r(line, " ", &rest);
    char *point = device ? strtok_r(NULL, " ", &rest) : NULL, *type = point ? strtok_r(NULL, " ", &rest) : NULL;
    return type && strcmp(type, "cgroup2") == 0 ? point : NULL;
}

static double read_cpu_max(const char *point, const char *group) {
    char path[2 * PATH_MAX + sizeof "/cpu.max"], text[64];
    snprintf(path, sizeof path, "%s%s/cpu.max", point, group);
    FILE *file = fopen(path, "re");
    if (!file)
        return INFINITY;
    double quota = fgets(text, sizeof text, file) ? cvy_topology_cpu_max(text) : INFINITY;
    fclose(file);
    return quota;
}

double cvy_topology_quota(const char *group_file, const char *mounts_file) {
    char group[PATH_MAX], point[PATH_MAX];
    if (!search_lines(group_file, pick_group, group) || !search_lines(mounts_file, pick_mount_point, point))
        return INFINITY;
    /* Within a container the path may begin outside of what is mounted: its first steps then are not there, and the
     * mount point, where the walk ends, is the container's own group. */
    double least = INFINITY;
    for (char *last; (last = strrchr(group, '/')); *last = '\0')
        least = fmin(least, read_cpu_max(point, group));
    return fmin(least, read_cpu_max(point, ""));
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* Fills topology from a loaded machine; `usable` is owned by the caller and not empty. */
static void conclude(hwloc_topology_t machine, hwloc_const_cpuset_t usable, const cvy_topology_limits *limits,
                     cvy_topology *topology) {
    memset(topology, 0, sizeof *topology);
    survey(machine, usable, topology);
    choose_threads(limits, topology);
}

static bool load(hwloc_topology_t machine, cvy_status *status) {
    /* Cores that this process may not use count in what the machine has. */
    if (hwloc_topology_set_flags(machine, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) ||
        hwloc_topology_set_all_types_filter(machine, HWLOC_TYPE_FILTER_KEEP_NONE) ||
        hwloc_topology_set_type_filter(machine, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL) ||
        hwloc_topology_set_type_filter(machine, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL) ||
        hwloc_topology_set_cache_types_filter(machine, HWLOC_TYPE_FILTER_KEEP_ALL) ||
        hwloc_topology_set_icache_types_filter(machine, HWLOC_TYPE_FILTER_KEEP_NONE) || hwloc_topology_load(machine))
        return cvy_fail_errno(status, "hwloc", "cannot read the topology of this machine");
    return true;
}

bool cvy_topology_read(cvy_topology *topology, cvy_status *status) {
    hwloc_topology_t machine;
    if (!cvy_ok(status))
        return false;
    if (hwloc_topology_init(&machine))
        return cvy_fail_errno(status, "hwloc", "cannot start");
    /* What hwloc's x86 part adds to the system's own tables is not needed here, and to learn it the part would move
     * this thread over all processors. */
    hwloc_topology_set_components(machine, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
    bool good = load(machine, status);
    hwloc_cpuset_t usable = good ? hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(machine)) : NULL;
    if (good && !usable)
        good = cvy_fail_memory(status, "hwloc", sizeof(long));
    if (good) {
        if (!keep_places(machine, usable))
            keep_binding(machine, usable);
        if (hwloc_bitmap_iszero(usable)) /* contradictory tables; the process runs somewhere nevertheless */
            hwloc_bitmap_copy(usable, hwloc_topology_get_allowed_cpuset(machine));
        conclude(machine, usable,
                 &(cvy_topology_limits){.quota = cvy_topology_quota("/proc/self/cgroup", "/proc/self/mounts"),
                                        .omp_threads = getenv("OMP_NUM_THREADS")},
                 topology);
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
    conclude(machine, usable, limits, topology);
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
