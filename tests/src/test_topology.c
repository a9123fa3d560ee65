/* The machine's shape and how many threads follow from it, on machines of many kinds, and on this one. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/base/clock.h"
#include "../../src/machine/binding.h"
#include "../../src/machine/control_group.h"
#include "../../src/machine/openmp.h"

/* ---- Machines that are described -------------------------------------------------------------------------------- */

static cvy_topology described(const char *machine, const char *processors, double quota, const char *omp_threads) {
    cvy_topology t;
    cvy_status status = {0};
    cvy_topology_limits limits = {.processors = processors, .quota = quota, .omp_threads = omp_threads};
    if (!cvy_topology_describe(machine, &limits, &t, &status))
        fail_msg("%s: %s: %s", machine, status.where, status.what);
    return t;
}

static void expect(const cvy_topology *t, int packages, int cores, int hardware_threads, int allowed, int threads,
                   const char *why) {
    assert_int_equal(t->packages, packages);
    assert_int_equal(t->cores, cores);
    assert_int_equal(t->hardware_threads, hardware_threads);
    assert_int_equal(t->allowed, allowed);
    assert_int_equal(t->threads, threads);
    assert_string_equal(t->why, why);
}

static const char *const server = "package:2 l3:2(size=32MiB) l2:8(size=1MiB) l1d:1(size=48KiB) core:1 pu:2";

static void whole_machines(void **state) {
    (void)state;
    cvy_topology t = described(server, NULL, INFINITY, NULL);
    expect(&t, 2, 32, 64, 32, 32, "32 of 32 cores");
    assert_int_equal(t.l1d, 48 << 10);
    assert_int_equal(t.l2, 1 << 20);
    assert_int_equal(t.l3, 32 << 20);

    t = described("package:1 core:1 pu:1", NULL, INFINITY, NULL);
    expect(&t, 1, 1, 1, 1, 1, "1 of 1 core");
    assert_int_equal(t.l1d + t.l2 + t.l3, 0);
    assert_string_equal(t.processor, "");

    t = described("package:2 [numa] core:96 pu:2", NULL, INFINITY, NULL);
    expect(&t, 2, 192, 384, 192, 192, "192 of 192 cores");

    t = described("pu:6", NULL, INFINITY, NULL); /* no packages, no cores known */
    expect(&t, 1, 6, 6, 6, 6, "6 of 6 cores");
}

/* A core counts once, however many of its hardware threads may be used. */
static void parts_of_a_machine(void **state) {
    (void)state;
    cvy_topology t = described("package:2 core:8 pu:2", "0-3", INFINITY, NULL);
    expect(&t, 2, 16, 32, 2, 2, "2 of 16 cores");
    t = described("package:2 core:8 pu:2", "1,2,16", INFINITY, NULL);
    expect(&t, 2, 16, 32, 3, 3, "3 of 16 cores");
    t = described("package:2 core:8 pu:2", "31", INFINITY, NULL);
    expect(&t, 2, 16, 32, 1, 1, "1 of 16 cores");
    t = described(server, "63,1000", INFINITY, NULL); /* beyond the machine: ignored */
    expect(&t, 2, 32, 64, 1, 1, "1 of 32 cores");
    assert_int_equal(t.l2, 1 << 20);
}

static void quotas(void **state) {
    (void)state;
    static const struct {
        double quota;
        int threads;
        const char *why;
    } cases[] = {
        {0.01, 1, "1 core: the quota allows 0.01"},
        {0.5, 1, "1 core: the quota allows 0.5"},
        {1, 1, "1 core: the quota allows 1"},
        {1.5, 2, "2 cores: the quota allows 1.5"},
        {7.5, 8, "8 cores: the quota allows 7.5"},
        {8, 8, "8 of 8 cores"},
        {100, 8, "8 of 8 cores"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cvy_topology t = described("package:1 core:8 pu:2", NULL, cases[i].quota, NULL);
        expect(&t, 1, 8, 16, 8, cases[i].threads, cases[i].why);
    }
    cvy_topology t = described("package:1 core:8 pu:2", "0-7", 6, NULL);
    expect(&t, 1, 8, 16, 4, 4, "4 of 8 cores");
}

static void omp_num_threads_wins(void **state) {
    (void)state;
    cvy_topology t = described("package:1 core:2 pu:1", "0", 0.5, "4");
    expect(&t, 1, 2, 2, 1, 4, "OMP_NUM_THREADS=4");
    t = described("package:1 core:8 pu:1", NULL, INFINITY, "3,2");
    expect(&t, 1, 8, 8, 8, 3, "OMP_NUM_THREADS=3");
    t = described("package:1 core:8 pu:1", NULL, 2, "many"); /* as if it were not set */
    expect(&t, 1, 8, 8, 8, 2, "2 cores: the quota allows 2");
}

/* Two performance cores with two hardware threads and a large second-level cache each, four efficient cores that share
 * one; each core counts once. Processors 1 and 3 are the second threads of the performance cores. The header's lines
 * end as hwloc writes them: without its libxml plugin it reads no others. */
static const char *const hybrid =
    "<?xml version=\"1.0\"?>\n<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n<topology version=\"2.0\">"
    "<object type=\"Machine\" os_index=\"0\" cpuset=\"0xff\" complete_cpuset=\"0xff\" allowed_cpuset=\"0xff\""
    " nodeset=\"0x1\" complete_nodeset=\"0x1\" allowed_nodeset=\"0x1\" gp_index=\"1\">"
    "<object type=\"NUMANode\" os_index=\"0\" cpuset=\"0xff\" complete_cpuset=\"0xff\" nodeset=\"0x1\""
    " complete_nodeset=\"0x1\" gp_index=\"2\" local_memory=\"1073741824\"/>"
    "<object type=\"Package\" os_index=\"0\" cpuset=\"0xff\" complete_cpuset=\"0xff\" nodeset=\"0x1\""
    " complete_nodeset=\"0x1\" gp_index=\"3\"><info name=\"CPUModel\" value=\"Hybrid Eight\"/>"
#define PROCESSOR(index, bit, gp)                                                                                      \
    "<object type=\"PU\" os_index=\"" index "\" cpuset=\"" bit "\" complete_cpuset=\"" bit                             \
    "\" nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"" gp "\"/>"
#define OPEN(type, set, gp, more)                                                                                      \
    "<object type=\"" type "\" cpuset=\"" set "\" complete_cpuset=\"" set                                              \
    "\" nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"" gp "\" " more ">"
#define L2(size) "cache_size=\"" size "\" depth=\"2\" cache_linesize=\"64\" cache_associativity=\"8\" cache_type=\"0\""
#define CLOSE "</object>"
    OPEN("L2Cache", "0x3", "10", L2("2097152")) OPEN("Core", "0x3", "11", "os_index=\"0\"") PROCESSOR("0", "0x1", "12")
        PROCESSOR("1", "0x2", "13") CLOSE CLOSE OPEN("L2Cache", "0xc", "20", L2("2097152"))
            OPEN("Core", "0xc", "21", "os_index=\"1\"") PROCESSOR("2", "0x4", "22") PROCESSOR("3", "0x8", "23")
                CLOSE CLOSE OPEN("L2Cache", "0xf0", "30", L2("4194304")) OPEN("Core", "0x10", "31", "os_index=\"2\"")
                    PROCESSOR("4", "0x10", "32") CLOSE OPEN("Core", "0x20", "33", "os_index=\"3\"")
                        PROCESSOR("5", "0x20", "34") CLOSE OPEN("Core", "0x40", "35", "os_index=\"4\"")
                            PROCESSOR("6", "0x40", "36") CLOSE OPEN("Core", "0x80", "37", "os_index=\"5\"")
                                PROCESSOR("7", "0x80", "38") CLOSE CLOSE CLOSE CLOSE "</topology>";

/* Four efficiency cores, processors 0 to 3, then two performance cores of two hardware threads, 4 to 7, as the system
 * ranks them. */
static const char *ranked_hybrid(void) {
    return "<?xml version=\"1.0\"?>\n<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n<topology version=\"2.0\">"
           "<object type=\"Machine\" os_index=\"0\" cpuset=\"0xff\" complete_cpuset=\"0xff\" allowed_cpuset=\"0xff\""
           " nodeset=\"0x1\" complete_nodeset=\"0x1\" allowed_nodeset=\"0x1\" gp_index=\"1\">"
           "<object type=\"NUMANode\" os_index=\"0\" cpuset=\"0xff\" complete_cpuset=\"0xff\" nodeset=\"0x1\""
           " complete_nodeset=\"0x1\" gp_index=\"2\" local_memory=\"1073741824\"/>" OPEN(
               "Package", "0xff", "3", "os_index=\"0\"") OPEN("L2Cache", "0xf", "10", L2("4194304"))
               OPEN("Core", "0x1", "11", "os_index=\"0\"") PROCESSOR("0", "0x1", "12")
                   CLOSE OPEN("Core", "0x2", "13", "os_index=\"1\"") PROCESSOR("1", "0x2", "14")
                       CLOSE OPEN("Core", "0x4", "15", "os_index=\"2\"") PROCESSOR("2", "0x4", "16")
                           CLOSE OPEN("Core", "0x8", "17", "os_index=\"3\"") PROCESSOR("3", "0x8", "18")
                               CLOSE CLOSE OPEN("Core", "0x30", "21", "os_index=\"4\"") PROCESSOR("4", "0x10", "22")
                                   PROCESSOR("5", "0x20", "23") CLOSE OPEN("Core", "0xc0", "24", "os_index=\"5\"")
                                       PROCESSOR("6", "0x40", "25") PROCESSOR("7", "0x80", "26") CLOSE CLOSE CLOSE
        "<cpukind cpuset=\"0x0f\" forced_efficiency=\"0\"><info name=\"CoreType\" value=\"IntelAtom\"/></cpukind>"
        "<cpukind cpuset=\"0xf0\" forced_efficiency=\"1\"><info name=\"CoreType\" value=\"IntelCore\"/></cpukind>"
        "</topology>";
}

static void hybrid_machine(void **state) {
    (void)state;
    cvy_topology t = described(hybrid, NULL, INFINITY, NULL);
    expect(&t, 1, 6, 8, 6, 6, "6 of 6 cores");
    assert_string_equal(t.processor, "Hybrid Eight");
    assert_int_equal(t.l2, 2 << 20);
    t = described(hybrid, "3-5", INFINITY, NULL);
    expect(&t, 1, 6, 8, 3, 3, "3 of 6 cores");
    assert_int_equal(t.l2, 2 << 20);
    t = described(hybrid, "4-7", INFINITY, NULL);
    expect(&t, 1, 6, 8, 4, 4, "4 of 6 cores");
    assert_int_equal(t.l2, 4 << 20);
}

/* ---- Where threads are kept ------------------------------------------------------------------------------------- */

static cvy_topology around(const char *machine, const char *processors, int here) {
    cvy_topology t;
    cvy_status status = {0};
    cvy_topology_limits limits = {.processors = processors, .quota = INFINITY, .here = here};
    if (!cvy_topology_describe(machine, &limits, &t, &status))
        fail_msg("%s: %s: %s", machine, status.where, status.what);
    return t;
}

/* Thread `thread` of a team of `threads` is kept to processors first .. last, every `step`-th, and to no others. */
static void expect_place(const cvy_topology *t, int threads, int thread, unsigned first, unsigned last, unsigned step) {
    cvy_processors expected = {0}, found;
    for (unsigned p = first; p <= last; p += step)
        cvy_processors_add(&expected, p);
    if (!cvy_topology_place(t, threads, thread, &found))
        fail_msg("thread %d of %d is not kept anywhere", thread, threads);
    if (memcmp(&expected, &found, sizeof found) != 0)
        fail_msg("thread %d of %d: processors %#lx..., expected %#lx...", thread, threads, found.bits[0],
                 expected.bits[0]);
}

static void expect_place_text(const cvy_topology *t, int threads, const char *expected) {
    char text[96];
    assert_string_equal(cvy_topology_place_text(t, threads, text), expected);
}

/* A team of all cores: one for each thread, with every hardware thread of it that may be used. */
static void a_core_for_each_thread(void **state) {
    (void)state;
    cvy_topology t = around(server, NULL, 0);
    for (int thread = 0; thread < 32; thread++)
        expect_place(&t, 32, thread, 2 * (unsigned)thread, 2 * (unsigned)thread + 1, 1);
    expect_place_text(&t, 32, "each bound to its core");

    t = around("package:2 core:8 pu:2", "1,2,16", 0); /* parts of three cores */
    expect_place(&t, 3, 0, 1, 1, 1);
    expect_place(&t, 3, 1, 2, 2, 1);
    expect_place(&t, 3, 2, 16, 16, 1);

    t = around("pu:6", NULL, 0);
    for (int thread = 0; thread < 6; thread++)
        expect_place(&t, 6, thread, (unsigned)thread, (unsigned)thread, 1);
}

/* A smaller team: the smallest part around the caller that holds it. server: 16 processors under a third-level cache,
 * 32 in a package. */
static void smaller_teams_stay_together(void **state) {
    (void)state;
    cvy_topology t = around(server, NULL, 0);
    expect_place(&t, 1, 0, 0, 1, 1);
    expect_place_text(&t, 1, "kept to 1 core under one L1 cache");
    for (int thread = 0; thread < 8; thread++) {
        expect_place(&t, 2, thread % 2, 0, 15, 1);
        expect_place(&t, 8, thread, 0, 15, 1);
        expect_place(&t, 9, thread, 0, 31, 1);
    }
    expect_place_text(&t, 2, "kept to 8 cores under one L3 cache");
    expect_place_text(&t, 9, "kept to 16 cores of one package");
    expect_place(&t, 17, 16, 0, 63, 1);
    expect_place_text(&t, 17, "free to move");

    t = around(server, NULL, 50);
    expect_place(&t, 2, 1, 48, 63, 1);
    expect_place(&t, 16, 3, 32, 63, 1);
    t = around(server, "0-3,40-47", 43); /* of the part, only what is allowed */
    expect_place(&t, 2, 0, 40, 47, 1);
    cvy_processors whole, expected = {0};
    for (unsigned p = 0; p < 48; p += p == 3 ? 37 : 1)
        cvy_processors_add(&expected, p);
    assert_true(cvy_topology_place(&t, 5, 0, &whole)); /* of 6 */
    assert_memory_equal(&whole, &expected, sizeof whole);
}

static void unbound_teams(void **state) {
    (void)state;
    cvy_processors any;
    cvy_topology t = around("package:1 core:2 pu:1", NULL, 0);
    assert_false(cvy_topology_place(&t, 3, 0, &any)); /* more threads than cores */
    expect_place_text(&t, 3, "not bound");

    cvy_status status = {0};
    cvy_topology_limits limits = {.quota = INFINITY, .bound_by = "OMP_PLACES"};
    assert_true(cvy_topology_describe("package:1 core:2 pu:1", &limits, &t, &status));
    assert_false(cvy_topology_place(&t, 2, 0, &any)); /* OpenMP places them */
    expect_place_text(&t, 2, "placed by OMP_PLACES");

    t = around("pu:4200", NULL, 0); /* more than a set holds */
    assert_int_equal(t.threads, 4200);
    assert_false(cvy_topology_place(&t, 4200, 0, &any));
    assert_false(cvy_topology_place(&t, 2, 0, &any));
}

/* The performance cores are described last, and are ranked first. */
static void performance_cores_first(void **state) {
    (void)state;
    cvy_topology t = around(ranked_hybrid(), NULL, 1);
    expect(&t, 1, 6, 8, 6, 6, "6 of 6 cores");
    assert_int_equal(t.kinds, 2);
    assert_int_equal(t.kind_cores[0], 2);
    assert_int_equal(t.kind_cores[1], 4);
    /* All: performance cores are threads 0 and 1. */
    expect_place(&t, 6, 0, 4, 5, 1);
    expect_place(&t, 6, 1, 6, 7, 1);
    for (unsigned thread = 2; thread < 6; thread++)
        expect_place(&t, 6, (int)thread, thread - 2, thread - 2, 1);
    /* No more than there are performance cores: those. */
    expect_place(&t, 2, 0, 4, 7, 1);
    expect_place(&t, 2, 1, 4, 7, 1);
    expect_place_text(&t, 2, "kept to 2 cores of the fastest kind");
    /* In between: each with its kind. */
    expect_place(&t, 4, 1, 4, 7, 1);
    expect_place(&t, 4, 2, 0, 3, 1);
    expect_place(&t, 4, 3, 0, 3, 1);
    expect_place_text(&t, 4, "the faster cores first");
    /* A process that may use the efficiency cores only has one kind of cores. */
    t = around(ranked_hybrid(), "0-3", 0);
    assert_int_equal(t.kinds, 1);
    expect_place(&t, 4, 3, 3, 3, 1);
    expect_place(&t, 3, 2, 0, 3, 1);
    expect_place_text(&t, 3, "free to move");
}

static void bad_descriptions(void **state) {
    (void)state;
    static const struct {
        const char *machine, *processors, *what;
    } cases[] = {
        {"package:two", NULL, "package:two"},
        {"<topology", NULL, "topology"},
        {"core:2 pu:1", "x", "'x' is no list of processors"},
        {"core:2 pu:1", "2-3", "none of processors 2-3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cvy_topology t;
        cvy_status status = {0};
        cvy_topology_limits limits = {.processors = cases[i].processors, .quota = INFINITY};
        assert_false(cvy_topology_describe(cases[i].machine, &limits, &t, &status));
        assert_int_equal(status.code, CVY_FAILED);
        assert_non_null(strstr(status.what, cases[i].what));
    }
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

static void omp_num_threads_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int threads;
    } cases[] = {
        {"4", 4},     {"1", 1},
        {" 8 ", 8},   {"4,2", 4},
        {"4 , 2", 4}, {"2147483647", 2147483647},
        {"", 0},      {"0", 0},
        {"-1", 0},    {"four", 0},
        {"4x", 0},    {"2147483648", 0},
        {"4.5", 0},   {",4", 0},
        {"4 2", 0},   {"99999999999999999999", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(cvy_topology_omp_threads(cases[i].text), cases[i].threads);
}

static void cpu_max_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double quota;
    } cases[] = {
        {"max 100000\n", INFINITY}, {"50000 100000\n", 0.5}, {"150000 100000", 1.5},
        {"400000 50000\n", 8},      {"", INFINITY},          {"max", INFINITY},
        {"100000", INFINITY},       {"0 100000", INFINITY},  {"100000 0", INFINITY},
        {"-1 100000", INFINITY},    {"nan 1", INFINITY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(cvy_cpu_max_parse(cases[i].text) == cases[i].quota);
}

/* ---- Control groups --------------------------------------------------------------------------------------------- */

typedef struct tree {
    char root[64], group[96], mounts[96];
} tree;

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void write_in(const tree *t, const char *group, const char *name, const char *text) {
    char path[160];
    snprintf(path, sizeof path, "%s%s/%s", t->root, group, name);
    write_text(path, text);
}

static void write_cpu_max(const tree *t, const char *group, const char *text) {
    write_in(t, group, "cpu.max", text);
}

/* A hierarchy of its own in a new directory: the mount point with /a and /a/b, and the two tables that lead to it. */
static int plant(void **state) {
    static tree t;
    char path[160];
    strcpy(t.root, "/tmp/convoy-topology-XXXXXX");
    if (!mkdtemp(t.root))
        return -1;
    snprintf(t.group, sizeof t.group, "%s/group", t.root);
    snprintf(t.mounts, sizeof t.mounts, "%s/mounts", t.root);
    snprintf(path, sizeof path, "%s/a", t.root);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/a/b", t.root);
    mkdir(path, 0700);
    snprintf(path, sizeof path,
             "proc /proc proc rw 0 0\ncgroup /elsewhere cgroup rw,cpu 0 0\ncgroup2 %s cgroup2 rw 0 0\n", t.root);
    write_text(t.mounts, path);
    *state = &t;
    return 0;
}

static int uproot(void **state) {
    const tree *t = *state;
    static const char *const files[] = {"/a/b/cpu.max",
                                        "/a/b/cpu.cfs_quota_us",
                                        "/a/b/cpu.cfs_period_us",
                                        "/a/cpu.max",
                                        "/cpu.max",
                                        "/cpu.cfs_quota_us",
                                        "/cpu.cfs_period_us",
                                        "/group",
                                        "/mounts",
                                        "/a/b",
                                        "/a",
                                        ""};
    char path[160];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s%s", t->root, files[i]);
        remove(path);
    }
    return access(t->root, F_OK) == 0;
}

static void quota_is_the_least_on_the_way_up(void **state) {
    const tree *t = *state;
    write_text(t->group, "5:cpu:/elsewhere\n0::/a/b\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == INFINITY); /* as where the cpu controller is off */
    write_cpu_max(t, "/a/b", "max 100000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == INFINITY);
    write_cpu_max(t, "/a", "300000 100000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 3);
    write_cpu_max(t, "/a/b", "50000 100000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 0.5);
    write_cpu_max(t, "", "20000 100000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 0.2);
}

static void quota_within_a_container(void **state) {
    const tree *t = *state;
    write_cpu_max(t, "", "150000 100000\n");
    write_cpu_max(t, "/a", "50000 100000\n");
    write_text(t->group, "0::/\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 1.5);
    write_text(t->group, "0::/outside/of/it\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 1.5);
    write_text(t->group, "0::/a\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 0.5);
}

static void quota_of_version_1(void **state) {
    const tree *t = *state;
    char text[256];
    write_text(t->group, "12:cpuset:/x\n4:cpuacct,cpu:/a/b\n0::/\n");
    snprintf(text, sizeof text, "cgroup /elsewhere cgroup rw,cpuset 0 0\ncgroup %s cgroup rw,cpuacct,cpu 0 0\n",
             t->root);
    write_text(t->mounts, text);
    assert_true(cvy_cpu_quota(t->group, t->mounts) == INFINITY);
    write_in(t, "/a/b", "cpu.cfs_quota_us", "-1\n");
    write_in(t, "/a/b", "cpu.cfs_period_us", "100000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == INFINITY);
    write_in(t, "", "cpu.cfs_quota_us", "200000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == INFINITY); /* no period */
    write_in(t, "", "cpu.cfs_period_us", "50000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 4);
    write_in(t, "/a/b", "cpu.cfs_quota_us", "150000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 1.5);
    write_text(t->group, "4:cpuset,cpuacct:/a/b\n5::/a/b\n6:name=cpu:/a/b\nno\n:\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == INFINITY); /* none has the controller */

    /* Both versions: the least counts. */
    write_text(t->group, "4:cpu:/a/b\n0::/a\n");
    snprintf(text, sizeof text, "cgroup2 %s cgroup2 rw 0 0\ncgroup %s cgroup rw,cpu 0 0\n", t->root, t->root);
    write_text(t->mounts, text);
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 1.5);
    write_cpu_max(t, "/a", "50000 100000\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == 0.5);
}

static void quota_without_its_tables(void **state) {
    const tree *t = *state;
    write_cpu_max(t, "", "150000 100000\n");
    write_text(t->group, "3:cpu:/\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == INFINITY);
    write_text(t->group, "0::/\n");
    assert_true(cvy_cpu_quota(t->group, "/nowhere/mounts") == INFINITY);
    assert_true(cvy_cpu_quota("/nowhere/group", t->mounts) == INFINITY);
    write_text(t->mounts, "cgroup2\ntmpfs /tmp tmpfs rw 0 0\n\n");
    assert_true(cvy_cpu_quota(t->group, t->mounts) == INFINITY);
}

/* ---- This machine ----------------------------------------------------------------------------------------------- */

static cvy_topology this_machine(void) {
    cvy_topology t;
    cvy_status status = {0};
    if (!cvy_topology_read(&t, &status))
        fail_msg("%s: %s", status.where, status.what);
    return t;
}

static void reads_this_machine(void **state) {
    (void)state;
    unsetenv("OMP_NUM_THREADS");
    double begun = cvy_clock();
    cvy_topology t = this_machine();
    print_message(
        "# %s: %d packages, %d cores, %d hardware threads, L1d %zu, L2 %zu, L3 %zu; %d threads: %s; %.1f ms\n",
        t.processor, t.packages, t.cores, t.hardware_threads, t.l1d, t.l2, t.l3, t.threads, t.why,
        1e3 * (cvy_clock() - begun));
    assert_true(t.packages >= 1 && t.packages <= t.cores && t.cores <= t.hardware_threads);
    assert_true(t.allowed >= 1 && t.allowed <= t.cores);
    assert_true(t.threads >= 1 && t.threads <= t.allowed);
    assert_true(t.hardware_threads >= sysconf(_SC_NPROCESSORS_ONLN));

    setenv("OMP_NUM_THREADS", "7", 1);
    cvy_topology forced = this_machine();
    unsetenv("OMP_NUM_THREADS");
    assert_int_equal(forced.threads, 7);
    assert_int_equal(forced.allowed, t.allowed);
    assert_string_equal(forced.why, "OMP_NUM_THREADS=7");
}

/* The bytes of address space that this process has. */
static size_t address_space(void) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%zu", &pages) != 1)
        _exit(99);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* In a child that may take so many bytes more of memory: 0 if the topology was read, 1 for an error. */
static int read_with_memory(size_t bytes) {
    pid_t child = fork();
    if (child == 0) {
        cvy_topology t;
        cvy_status status = {0};
        const rlim_t now = address_space();
        setrlimit(RLIMIT_AS, &(struct rlimit){now, now + bytes});
        for (size_t part = 1 << 20; part >= 64; part /= 2) /* what the heap holds free */
            for (void *volatile taken; (taken = malloc(part));)
                ;
        setrlimit(RLIMIT_AS, &(struct rlimit){now + bytes, now + bytes});
        _exit(!cvy_topology_read(&t, &status));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status)); /* not by a signal */
    return WEXITSTATUS(status);
}

static void short_of_memory(void **state) {
    (void)state;
    int failed = 0, count = 0;
    for (size_t bytes = 0; bytes < 4 << 20; bytes += 64 << 10, count++)
        failed += read_with_memory(bytes);
    assert_in_range(failed, 1, count - 1);
}

static void affinity_mask_counts(void **state) {
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    cvy_topology whole = this_machine();
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    cvy_topology t = this_machine();
    cpu_set_t after;
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_true(CPU_EQUAL(&after, &one)); /* reading leaves the mask alone */
    assert_int_equal(t.allowed, 1);
    assert_int_equal(t.threads, 1);
    assert_int_equal(t.cores, whole.cores);
}

static void binding_is_taken_back(void **state) {
    (void)state;
    cpu_set_t before, during, after;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    unsigned last = 0;
    for (unsigned i = 0; i < CPU_SETSIZE; i++)
        last = CPU_ISSET(i, &before) ? i : last;
    cvy_processors one = {0};
    cvy_processors_add(&one, last);
    cvy_binding binding;
    cvy_binding_enter(&binding, &one);
    assert_int_equal(sched_getaffinity(0, sizeof during, &during), 0);
    cvy_binding_leave(&binding);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_int_equal(CPU_COUNT(&during), 1);
    assert_true(CPU_ISSET(last, &during));
    assert_true(CPU_EQUAL(&before, &after));

    cvy_processors nowhere = {0}; /* which the system refuses */
    cvy_binding_enter(&binding, &nowhere);
    assert_false(binding.changed);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
}

/* Run with OMP_PROC_BIND=true: this thread is then bound to the first place, yet a team may use them all. */
static void bound_to_places(void **state) {
    (void)state;
    int processors = cvy_openmp_places(NULL, 0);
    cvy_topology t = this_machine();
    print_message("# %d processors in places; %s\n", processors, t.why);
    assert_true(processors >= 1);
    assert_true(t.allowed * (t.hardware_threads / t.cores) >= processors);
    assert_string_equal(t.bound_by, "OMP_PROC_BIND");
    /* "true" means "close": two threads are in places of their own, if there are two. */
    cvy_processors first, second;
    assert_true(cvy_topology_place(&t, 2, 0, &first) && cvy_topology_place(&t, 2, 1, &second));
    assert_int_equal(memcmp(&first, &second, sizeof first) != 0, processors > 1);
    /* More threads than places share them, neighbours together. */
    assert_true(cvy_topology_place(&t, 2 * processors, 1, &second));
    assert_memory_equal(&first, &second, sizeof first);
    assert_true(cvy_topology_place(&t, 2 * processors, 2, &second));
    assert_int_equal(memcmp(&first, &second, sizeof first) != 0, processors > 1);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_machines),
        cmocka_unit_test(parts_of_a_machine),
        cmocka_unit_test(quotas),
        cmocka_unit_test(omp_num_threads_wins),
        cmocka_unit_test(hybrid_machine),
        cmocka_unit_test(a_core_for_each_thread),
        cmocka_unit_test(smaller_teams_stay_together),
        cmocka_unit_test(performance_cores_first),
        cmocka_unit_test(unbound_teams),
        cmocka_unit_test(bad_descriptions),
        cmocka_unit_test(omp_num_threads_text),
        cmocka_unit_test(cpu_max_text),
        cmocka_unit_test_setup_teardown(quota_is_the_least_on_the_way_up, plant, uproot),
        cmocka_unit_test_setup_teardown(quota_within_a_container, plant, uproot),
        cmocka_unit_test_setup_teardown(quota_of_version_1, plant, uproot),
        cmocka_unit_test_setup_teardown(quota_without_its_tables, plant, uproot),
        cmocka_unit_test(reads_this_machine),
        cmocka_unit_test(short_of_memory),
        cmocka_unit_test(affinity_mask_counts),
        cmocka_unit_test(binding_is_taken_back),
    };
    const struct CMUnitTest bound[] = {cmocka_unit_test(bound_to_places)};
    (void)argv;
    return argc > 1 ? cmocka_run_group_tests_name("topology, bound", bound, NULL, NULL)
                    : cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
