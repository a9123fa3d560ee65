/* The machine's shape: the only user of hwloc. */
#ifndef CVY_TOPOLOGY_H
#define CVY_TOPOLOGY_H

#include "../base/status.h"

typedef struct cvy_topology {
    char processor[128];                   /* "AMD EPYC 9B14"; empty if unknown */
    int packages, cores, hardware_threads; /* of the machine */
    int allowed;                           /* physical cores this process may use */
    size_t l1d, l2, l3;                    /* bytes of one cache, 0 if unknown */
    int threads;                           /* to train with */
    char why[160];                         /* "2 of 2 cores", "OMP_NUM_THREADS=4", ... */
} cvy_topology;

/* Reads this machine's topology, and what of it this process may use: cpusets, the calling thread's affinity mask,
 * OpenMP's places, and the quota of its control group. Takes about 2 ms; nothing is kept. */
bool cvy_topology_read(cvy_topology *topology, cvy_status *status);

/* ---- Internal: the parts of cvy_topology_read, for tests -------------------------------------------------------- */

/* What limits a process on a machine. */
typedef struct cvy_topology_limits {
    const char *processors;  /* the logical processors it may use, as "0-3,8"; NULL: all */
    double quota;            /* in processors; INFINITY: none */
    const char *omp_threads; /* the value of OMP_NUM_THREADS; NULL: unset */
} cvy_topology_limits;

/* The same for a described machine: hwloc's synthetic form ("package:2 core:8 pu:2") or its XML. The processor's name
 * stays empty unless the description holds it. */
bool cvy_topology_describe(const char *description, const cvy_topology_limits *limits, cvy_topology *topology,
                           cvy_status *status);

/* The text of cpu.max ("max 100000", "150000 100000") in processors; INFINITY for no limit and for any other text. */
double cvy_topology_cpu_max(const char *text);

/* The least cpu.max on the way from this process's control group (version 2; `group_file` is /proc/self/cgroup) up to
 * the mount point (`mounts_file` is /proc/self/mounts); INFINITY if there is none. */
double cvy_topology_quota(const char *group_file, const char *mounts_file);

/* The text of OMP_NUM_THREADS, a positive number or a list of them, of which the first counts; 0 for any other text. */
int cvy_topology_omp_threads(const char *text);

#endif
