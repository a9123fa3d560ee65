#define _GNU_SOURCE /* sched_setaffinity */
#include "machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/machine/topology.h"
#include "cpu.h"
#include "harness.h"
#include "memory.h"

/* ---- Pinning ---------------------------------------------------------------------------------------------------- */

static cpu_set_t allowed;
static bool pinned;

int bench_pin(void) {
    if (pinned || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return -1;
    int last = CPU_SETSIZE - 1;
    while (last > 0 && !CPU_ISSET((size_t)last, &allowed))
        last--;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)last, &one);
    pinned = sched_setaffinity(0, sizeof one, &one) == 0;
    return pinned ? last : -1;
}

void bench_unpin(void) {
    if (pinned)
        sched_setaffinity(0, sizeof allowed, &allowed);
    pinned = false;
}

/* ---- Peak ------------------------------------------------------------------------------------------------------- */

static const cvy_tier tier_list[CVY_TIERS] = {CVY_TIER_scalar, CVY_TIER_avx2, CVY_TIER_avx512, CVY_TIER_neon};

static void run_peak(bench_state *state, void *argument) {
    enum { ROUNDS = 1000 };
    static _Alignas(64) float result[CVY_PEAK_FLOATS];
    cvy_kernels kernels;
    cvy_kernels_fill(&kernels, *(const cvy_tier *)argument);
    while (bench_more(state))
        kernels.fma_peak(ROUNDS, result);
    bench_count(state, "flop", 2.0 * ROUNDS * CVY_PEAK_FLOATS);
}

/* ---- Bandwidth -------------------------------------------------------------------------------------------------- */

/* A sum of two arrays: how much memory it uses decides in which cache the arrays lie. */
typedef struct reach {
    const char *name;
    size_t bytes;
} reach;

/* Half of the second-level cache, where a block's workspace lies; and four times the last-level cache, for memory. */
static reach reaches[] = {{"machine/bandwidth/cache", 256 << 10}, {"machine/bandwidth/memory", 128 << 20}};

static void measure_caches(void) {
    enum { MOST = 512 << 20 };
    cvy_topology topology;
    cvy_status status = {0};
    if (!cvy_topology_read(&topology, &status))
        return;
    if (topology.l2)
        reaches[0].bytes = topology.l2 / 2;
    if (topology.l3)
        reaches[1].bytes = topology.l3 < MOST / 4 ? topology.l3 * 4 : MOST;
}

static void run_bandwidth(bench_state *state, void *argument) {
    const reach *r = argument;
    size_t count = r->bytes / 3 / sizeof(float) / CVY_LANES * CVY_LANES;
    bench_memory memory = bench_memory_new(r->bytes + 4096);
    float *a = bench_take(&memory, count * sizeof *a), *b = bench_take(&memory, count * sizeof *b);
    float *sum = bench_take(&memory, count * sizeof *sum);
    for (size_t i = 0; i < count; i++)
        a[i] = b[i] = sum[i] = 1;
    cvy_kernels kernels;
    cvy_kernels_fill(&kernels, cvy_cpu_best(cvy_cpu_tiers()));
    while (bench_more(state))
        kernels.add(count, a, b, sum);
    bench_count(state, "bytes", 3.0 * sizeof(float) * (double)count);
    bench_memory_free(&memory);
}

void bench_register_machine(unsigned tiers) {
    char name[64];
    for (int t = 0; t < CVY_TIERS; t++) {
        if (!(tiers >> t & 1))
            continue;
        snprintf(name, sizeof name, "machine/peak/%s", cvy_tier_name((cvy_tier)t));
        bench_register(name, run_peak, (void *)&tier_list[t], (bench_settings){0});
    }
    measure_caches();
    for (int i = 0; i < 2; i++)
        bench_register(reaches[i].name, run_bandwidth, &reaches[i], (bench_settings){0});
}
