/* Runs the test of every operation in kernels.def, and those that concern no single operation.
 *
 *   test_kernels [--few | --long] [--part=K/N] [NAME...]
 *
 * kernels.def is expanded here: an operation without a function test_<operation> does not link, and a tier that
 * this processor cannot run shows as skipped. One line of TAP is a kernel. CONVOY_TEST_SEED=N repeats a run. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "cpu.h"

const struct check_rows rows = {
#define ROW(name, tier) .name[CVY_TIER_##tier] = cvy_##name##_##tier,
#define CVY_OPERATION(tiers, result, name, parameters) CVY_TIERS_##tiers(ROW, name)
#include "kernels.def"
};

/* A test, and the tiers that have a kernel for it. */
typedef struct test {
    const char *name;
    void (*run)(check *c);
    unsigned tiers;
} test;

#define BIT(name, tier) | 1u << CVY_TIER_##tier

static const test operations[] = {
#define CVY_OPERATION(set, result, name, parameters) {#name, test_##name, 0 CVY_TIERS_##set(BIT, name)},
#include "kernels.def"
};

enum { OPERATIONS = sizeof operations / sizeof *operations };

/* These go through the table that dispatch fills, for each tier up to which it can be filled. */
#define EVERY_TIER (0 CVY_TIERS_all(BIT, ))

static const test others[] = {
    {"elementary_digests", test_elementary_digests, EVERY_TIER},
    {"conv2d_adjoint", test_conv2d_adjoint, EVERY_TIER},
    {"conv2d_maxpool2x2_adjoint", test_conv2d_maxpool2x2_adjoint, EVERY_TIER},
    {"dense_adjoint", test_dense_adjoint, EVERY_TIER},
    {"pool_adjoint", test_pool_adjoint, EVERY_TIER},
    {"pad_adjoint", test_pad_adjoint, EVERY_TIER},
    {"lanes_beyond", test_lanes_beyond, EVERY_TIER},
    {"dispatch", test_dispatch, EVERY_TIER},
};

enum { OTHERS = sizeof others / sizeof *others };

/* ---- Crashes: a kernel that touches a guard page, or writes what it may only read ---- */

static check state;

static void describe_fault(const unsigned char *at) {
    for (int i = 0; i < state.buffers; i++) {
        const check_buffer *b = &state.buffer[i];
        if (at < b->pages - 4096 || at >= b->pages + b->capacity + 4096)
            continue;
        if (at < b->data)
            check_fail(&state, "%s: touched %td bytes before it", b->name, b->data - at);
        else if (at >= b->data + b->bytes)
            check_fail(&state, "%s: touched %td bytes behind its end", b->name, at - (b->data + b->bytes));
        else
            check_fail(&state, "%s: wrote byte %td of an input", b->name, at - b->data);
        return;
    }
    check_fail(&state, "crashed at address %p, near no buffer", (const void *)at);
}

static void on_fault(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    if (!state.running) {
        signal(signal_number, SIG_DFL);
        return;
    }
    if (signal_number == SIGSEGV || signal_number == SIGBUS)
        describe_fault(info->si_addr);
    else
        check_fail(&state, "%s",
                   signal_number == SIGABRT ? "a precondition's assertion failed" : "illegal instruction");
    siglongjmp(state.crash, 1);
}

static void catch_faults(void) {
    static unsigned char stack[65536];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

/* ---- Runs ---- */

/* A tier that crashes is out; the test begins again for the others. */
static void run_test(const test *t, unsigned runnable) {
    state.operation = t->name;
    state.tiers = t->tiers & runnable;
    state.failed = 0;
    state.compared = state.finite = 0;
    memset(state.failures, 0, sizeof state.failures);
    memset(state.calls, 0, sizeof state.calls);
    if (sigsetjmp(state.crash, 1)) {
        state.running = false;
        state.tiers &= ~(1u << state.tier);
    }
    if (state.tiers)
        t->run(&state);
    if (state.compared && state.finite * 20 < state.compared) {
        printf("# %s: only %zu of %zu results of special inputs are finite, which proves nothing\n", t->name,
               state.finite, state.compared);
        state.failed |= t->tiers & runnable;
    }
}

static int report(const test *t, unsigned runnable, int *line) {
    int failures = 0;
    for (unsigned tier = 0; tier < CVY_TIERS; tier++) {
        if (!(t->tiers & 1u << tier))
            continue;
        const char *name = cvy_tier_name((cvy_tier)tier);
        ++*line;
        if (!(runnable & 1u << tier)) {
            printf("ok %d - %s %s # SKIP this processor does not run %s\n", *line, t->name, name, name);
        } else if (state.failed & 1u << tier || state.calls[tier] == 0) {
            printf("not ok %d - %s %s\n", *line, t->name, name);
            failures++;
        } else {
            printf("ok %d - %s %s, %zu cases\n", *line, t->name, name, state.calls[tier]);
        }
    }
    fflush(stdout);
    return failures;
}

/* ---- Command line ---- */

typedef struct selection {
    int part, parts;
    char **names;
    int count;
} selection;

static bool selected(const selection *s, const test *t, int number) {
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->names[i], t->name) == 0)
            return true;
    return s->count == 0 && number % s->parts == s->part;
}

static const test *test_at(int number) {
    return number < OPERATIONS ? &operations[number] : &others[number - OPERATIONS];
}

static int run_selected(const selection *s) {
    int lines = 0, line = 0, failures = 0;
    for (int i = 0; i < OPERATIONS + OTHERS; i++)
        if (selected(s, test_at(i), i))
            lines += __builtin_popcount(test_at(i)->tiers);
    if (lines == 0) {
        fprintf(stderr, "test_kernels: no such test\n");
        return 2;
    }
    printf("1..%d\n# CONVOY_TEST_SEED=%llu\n", lines, (unsigned long long)state.seed);
    const unsigned runnable = cvy_cpu_tiers();
    for (int i = 0; i < OPERATIONS + OTHERS; i++) {
        if (!selected(s, test_at(i), i))
            continue;
        run_test(test_at(i), runnable);
        failures += report(test_at(i), runnable, &line);
    }
    return failures ? 1 : 0;
}

/* K/N, the K-th of N parts. */
static bool parse_part(const char *text, selection *s) {
    if (sscanf(text, "%d/%d", &s->part, &s->parts) != 2 || s->part < 1 || s->part > s->parts)
        return false;
    s->part--;
    return true;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"few", no_argument, NULL, 'f'},
                                            {"long", no_argument, NULL, 'l'},
                                            {"part", required_argument, NULL, 'p'},
                                            {NULL, 0, NULL, 0}};
    selection s = {.part = 0, .parts = 1};
    state.set = CASES_SHORT;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f' || option == 'l') {
            state.set = option == 'f' ? CASES_FEW : CASES_LONG;
        } else if (option != 'p' || !parse_part(optarg, &s)) {
            fprintf(stderr, "usage: test_kernels [--few | --long] [--part=K/N] [NAME...]\n");
            return 2;
        }
    }
    s.names = argv + optind;
    s.count = argc - optind;
    const char *seed = getenv("CONVOY_TEST_SEED");
    state.seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
    catch_faults();
    return run_selected(&s);
}
