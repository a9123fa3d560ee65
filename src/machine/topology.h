/* The machine's shape: the only user of hwloc. */
#ifndef CVY_TOPOLOGY_H
#define CVY_TOPOLOGY_H

#include "../base/status.h"

enum {
    CVY_PROCESSORS_MAX = 4096, /* a machine with more keeps its threads unbound */
    CVY_PARTS_MAX = 8
};

/* A set of logical processors, by the system's numbers, as Linux's affinity masks have it. */
typedef struct cvy_processors {
    unsigned long bits[CVY_PROCESSORS_MAX / (8 * sizeof(unsigned long))];
} cvy_processors;

static inline void cvy_processors_add(cvy_processors *set, unsigned processor) {
    const unsigned bits = 8 * sizeof set->bits[0];
    set->bits[processor / bits] |= 1ul << processor % bits;
}

/* Cores that a team of threads may be kept to. */
typedef struct cvy_part {
    int cores;
    char name[32]; /* "under one L3 cache", "of one package", "of the fastest kind"; empty: all that are allowed */
    cvy_processors processors;
} cvy_part;

typedef struct cvy_topology {
    char processor[128];                   /* "AMD EPYC 9B14"; empty if unknown */
    int packages, cores, hardware_threads; /* of the machine */
    int allowed;                           /* physical cores this process may use */
    size_t l1d, l2, l3;                    /* bytes of one cache, 0 if unknown */
    int threads;                           /* to train with */
    char why[160];                         /* "2 of 2 cores", "OMP_NUM_THREADS=4", ... */

    /* The allowed cores have ranks from 0 on: performance cores before efficiency cores, else neighbours together. */
    uint16_t rank[CVY_PROCESSORS_MAX]; /* of a processor's core, + 1; 0: not allowed */
    int kinds;                         /* of cores */
    int kind_cores[CVY_PARTS_MAX];     /* how many there are of each kind, the fastest first */
    int parts;
    cvy_part part[CVY_PARTS_MAX]; /* of the fastest kind, around where the caller runs, the smallest first */
    const char *bound_by;         /* the variable that sets where OpenMP keeps its threads; NULL: none */
    bool placed;                  /* ranks and parts are known */
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
    const char *bound_by;    /* as above */
    int here;                /* the processor that the caller runs on */
} cvy_topology_limits;

/* The same for a described machine: hwloc's synthetic form ("package:2 core:8 pu:2") or its XML. The processor's name
 * stays empty unless the description holds it. */
bool cvy_topology_describe(const char *description, const cvy_topology_limits *limits, cvy_topology *topology,
                           cvy_status *status);

/* The text of OMP_NUM_THREADS, a positive number or a list of them, of which the first counts; 0 for any other text. */
int cvy_topology_omp_threads(const char *text);

#endif
