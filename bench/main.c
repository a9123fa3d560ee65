/* benchmarks: how fast kernels, layers and steps are. bench/run calls it; every option of Google Benchmark is its own.
 *
 *   benchmarks [SET...] [OPTION...]
 *
 * Sets are machine, layers, steps and kernels (by default all of them). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/machine/topology.h"
#include "counters.h"
#include "cpu.h"
#include "harness.h"
#include "layers.h"
#include "machine.h"
#include "peers.h"
#include "rows.h"
#include "steps.h"

static const char usage[] = "usage: benchmarks [SET...] [OPTION...]\n"
                            "\n"
                            "Sets: machine, layers, steps, kernels, peers; without one, all but peers.\n"
                            "\n"
                            "  --model=NAME|FILE   network of the layers and steps (default lesson)\n"
                            "  --data=DIR          its images (default: MNIST where it usually is, else drawn ones)\n"
                            "  --batch=N           images a step (default 32)\n"
                            "  --threads=N,...     of the steps (default 1 and what convoy would take)\n"
                            "  --isa=TIER,...      instruction sets of layers and kernels (default all that this "
                            "machine runs); steps take the\n"
                            "                      last\n"
                            "  --counters          read the processor's counters, too\n"
                            "\n"
                            "All other options are Google Benchmark's; --benchmark_min_time also sets how long a run "
                            "of a layer takes\n"
                            "(default 0.005 s):\n"
                            "\n";

typedef enum set { SET_MACHINE, SET_LAYERS, SET_STEPS, SET_KERNELS, SET_PEERS, SETS } set;

static const char *const set_names[SETS] = {"machine", "layers", "steps", "kernels", "peers"};

enum { MOST_THREADS = 16 };

typedef struct arguments {
    unsigned sets;
    bench_layers_options layers;
    bench_steps_options steps;
    int threads[MOST_THREADS + 1];
    unsigned tiers;
    bool counters;
} arguments;

/* ---- Command line ------------------------------------------------------------------------------------------------ */

static bool fail(const char *option, const char *value) {
    fprintf(stderr, "benchmarks: %s: \"%s\" is not understood\n", option, value);
    return false;
}

/* The value of --NAME=VALUE if the argument is that option. */
static const char *value_of(const char *argument, const char *name) {
    size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

static bool parse_whole(const char *text, long most, long *value) {
    char *end;
    *value = strtol(text, &end, 10);
    return end != text && *end == '\0' && *value > 0 && *value <= most;
}

static bool parse_threads(arguments *a, char *list) {
    int count = 0;
    long threads;
    for (char *rest = NULL, *item = strtok_r(list, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        if (count == MOST_THREADS || !parse_whole(item, 4096, &threads))
            return fail("--threads", item);
        a->threads[count++] = (int)threads;
    }
    a->threads[count] = 0;
    return count > 0;
}

static bool parse_tiers(arguments *a, char *list) {
    cvy_tier tier = CVY_TIER_scalar;
    a->tiers = 0;
    for (char *rest = NULL, *item = strtok_r(list, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        if (!cvy_tier_from_name(item, &tier) || !(cvy_cpu_tiers() >> tier & 1))
            return fail("--isa (this machine runs no such instruction set)", item);
        a->tiers |= 1u << tier;
    }
    a->steps.isa = cvy_tier_name(tier);
    return a->tiers != 0;
}

static bool parse_set(arguments *a, const char *name) {
    for (int s = 0; s < SETS; s++)
        if (strcmp(name, set_names[s]) == 0) {
            a->sets |= 1u << s;
            return true;
        }
    return fail("set", name);
}

/* One argument; *taken is whether it was not one of Google Benchmark's. */
static bool parse_argument(arguments *a, char *argument, bool *taken) {
    const char *value;
    long number;
    *taken = true;
    if (argument[0] != '-')
        return parse_set(a, argument);
    if ((value = value_of(argument, "--model"))) {
        a->layers.model = value;
    } else if ((value = value_of(argument, "--data"))) {
        a->layers.data = value;
    } else if ((value = value_of(argument, "--batch"))) {
        if (!parse_whole(value, 1 << 20, &number))
            return fail("--batch", value);
        a->layers.batch = (size_t)number;
    } else if (value_of(argument, "--threads")) {
        return parse_threads(a, strchr(argument, '=') + 1);
    } else if (value_of(argument, "--isa")) {
        return parse_tiers(a, strchr(argument, '=') + 1);
    } else if (strcmp(argument, "--counters") == 0) {
        a->counters = true;
    } else {
        if ((value = value_of(argument, "--benchmark_min_time")))
            a->layers.seconds = atof(value);
        *taken = false;
    }
    return true;
}

/* 1, and as many as convoy would train with. */
static void default_threads(arguments *a) {
    cvy_topology topology;
    cvy_status status = {0};
    a->threads[0] = 1;
    if (cvy_topology_read(&topology, &status) && topology.threads > 1)
        a->threads[1] = topology.threads;
}

static bool parse(arguments *a, int *argc, char **argv) {
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        bool taken;
        if (strcmp(argv[i], "--help") == 0)
            fputs(usage, stdout);
        if (!parse_argument(a, argv[i], &taken))
            return false;
        if (!taken)
            argv[kept++] = argv[i];
    }
    *argc = kept;
    argv[kept] = NULL;
    if (!a->sets)
        a->sets = ((1u << SETS) - 1) & ~(1u << SET_PEERS);
    if (!a->threads[0])
        default_threads(a);
    a->layers.tiers = a->tiers;
    a->steps.model = a->layers.model;
    a->steps.data = a->layers.data;
    a->steps.batch = (int)a->layers.batch;
    a->steps.threads = a->threads;
    return true;
}

/* ---- Registration ------------------------------------------------------------------------------------------------ */

/* Describes the machine and the build in every report. */
static void describe(const arguments *a) {
    cvy_topology topology;
    cvy_status status = {0};
    char text[256] = "";
    if (cvy_topology_read(&topology, &status)) {
        bench_context("processor", topology.processor);
        bench_context("threads_why", topology.why);
    }
    for (int t = 0; t < CVY_TIERS; t++)
        if (cvy_cpu_tiers() >> t & 1)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", *text ? "," : "",
                     cvy_tier_name((cvy_tier)t));
    bench_context("tiers", text);
#ifdef NDEBUG
    bench_context("assertions", "off");
#else
    bench_context("assertions", "on");
#endif
    snprintf(text, sizeof text, "not asked for");
    bench_context("counters", a->counters && bench_counters_open(text, sizeof text) ? "read" : text);
    snprintf(text, sizeof text, "%d", bench_pin());
    bench_context("pinned", text);
}

static bool register_sets(const arguments *a, cvy_status *status) {
    if (a->sets & 1u << SET_MACHINE)
        bench_register_machine(a->tiers);
    if (a->sets & 1u << SET_LAYERS && !bench_register_layers(&a->layers, status))
        return false;
    if (a->sets & 1u << SET_PEERS && !bench_register_peers(&a->layers, status))
        return false;
    if (a->sets & 1u << SET_STEPS && !bench_register_steps(&a->steps, status))
        return false;
    if (a->sets & 1u << SET_KERNELS)
        bench_register_rows(a->tiers);
    return true;
}

int main(int argc, char **argv) {
    arguments a = {.layers = {.model = "lesson", .batch = 32, .seconds = 0.005}, .tiers = cvy_cpu_tiers()};
    if (!parse(&a, &argc, argv))
        return fputs("Try benchmarks --help\n", stderr), 2;
    describe(&a);
    cvy_status status = {0};
    int code = 1;
    if (register_sets(&a, &status))
        code = bench_run(argc, argv);
    else
        fprintf(stderr, "benchmarks: %s: %s\n", status.where, status.what);
    bench_layers_free();
    bench_peers_free();
    bench_steps_free();
    bench_rows_free();
    bench_counters_close();
    return code;
}
