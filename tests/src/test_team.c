/* Teams: every thread runs once, the barrier orders and sleeps, and teams do not disturb one another. */
#include "suite.h"

#include <omp.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "../../src/machine/team.h"

enum { MOST = 9 };

/* What OpenMP gives who asks for `size` outside of any parallel region. */
static int given(int size) {
    int limit = omp_get_thread_limit();
    return size < limit ? size : limit;
}

/* ---- Runs ------------------------------------------------------------------------------------------------------- */

typedef struct attendance {
    int visits[MOST], threads[MOST];
    pthread_t zero;
} attendance;

static void attend(void *argument, int thread, int threads) {
    attendance *a = argument;
    a->visits[thread]++;
    a->threads[thread] = threads;
    if (thread == 0)
        a->zero = pthread_self();
}

TEST(every_thread_runs_once) {
    for (int size = 1; size < MOST; size++) {
        cvy_team *team = cvy_team_new(size);
        assert_non_null(team);
        assert_int_equal(cvy_team_size(team), size);
        attendance a = {0};
        for (int run = 1; run <= 3; run++) {
            cvy_team_run(team, attend, &a);
            for (int t = 0; t < MOST; t++) {
                assert_int_equal(a.visits[t], t < given(size) ? run : 0);
                assert_int_equal(a.threads[t], t < given(size) ? given(size) : 0);
            }
            assert_true(pthread_equal(a.zero, pthread_self()));
        }
        cvy_team_free(team);
    }
}

/* ---- Barrier ---------------------------------------------------------------------------------------------------- */

typedef struct rounds {
    cvy_team *team;
    int count;
    long pause_every, pause_ns; /* now and then a thread comes late: the others sleep */
    int slots[MOST];            /* plain: the barrier alone orders them */
    int wrong[MOST];
} rounds;

static void nap(long ns) {
    nanosleep(&(struct timespec){.tv_sec = 0, .tv_nsec = ns}, NULL);
}

static void take_rounds(void *argument, int thread, int threads) {
    rounds *r = argument;
    for (int round = 1; round <= r->count; round++) {
        if (r->pause_every && (round + thread) % r->pause_every == 0)
            nap(r->pause_ns);
        r->slots[thread] = round;
        cvy_team_barrier(r->team);
        for (int t = 0; t < threads; t++)
            r->wrong[thread] += r->slots[t] != round;
        cvy_team_barrier(r->team);
    }
}

static void check_rounds(int size, int count, long pause_every, long pause_ns) {
    rounds r = {.team = cvy_team_new(size), .count = count, .pause_every = pause_every, .pause_ns = pause_ns};
    assert_non_null(r.team);
    for (int run = 0; run < 2; run++) {
        memset(r.slots, 0, sizeof r.slots);
        cvy_team_run(r.team, take_rounds, &r);
        for (int t = 0; t < MOST; t++) {
            assert_int_equal(r.slots[t], t < given(size) ? count : 0);
            assert_int_equal(r.wrong[t], 0);
        }
    }
    cvy_team_free(r.team);
}

TEST(barrier_orders) {
    check_rounds(1, 1000, 0, 0);
    check_rounds(2, 5000, 0, 0);
    check_rounds(3, 500, 0, 0);
    check_rounds(4, 300, 0, 0);
    check_rounds(8, 100, 0, 0);
}

/* Naps of about the length of the spin: some of the waiting threads are just about to sleep when the last one arrives.
 */
TEST(barrier_orders_sleepers) {
    check_rounds(2, 1000, 3, 1000);
    check_rounds(3, 500, 7, 20000);
    check_rounds(5, 100, 7, 500000);
}

typedef struct wait {
    cvy_team *team;
    double cpu_seconds; /* of the thread that waits */
    int threads;
} wait;

static void wait_long(void *argument, int thread, int threads) {
    wait *w = argument;
    struct timespec before, after;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    if (thread == 0)
        nap(100000000);
    cvy_team_barrier(w->team);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    if (thread == 1) {
        w->threads = threads;
        w->cpu_seconds = (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
    }
}

TEST(long_wait_leaves_the_core) {
    if (given(2) < 2)
        skip();
    wait w = {.team = cvy_team_new(2)};
    assert_non_null(w.team);
    cvy_team_run(w.team, wait_long, &w);
    assert_int_equal(w.threads, 2);
    assert_true(w.cpu_seconds < 0.01); /* of 0.1 waited; the spin is 0.00002 */
    cvy_team_free(w.team);
}

/* ---- Several teams ---------------------------------------------------------------------------------------------- */

static void *take_rounds_alone(void *argument) {
    rounds *r = argument;
    cvy_team_run(r->team, take_rounds, r);
    return NULL;
}

TEST(two_teams_at_once) {
    rounds a = {.team = cvy_team_new(2), .count = 1000, .pause_every = 101, .pause_ns = 10000};
    rounds b = {.team = cvy_team_new(3), .count = 700};
    assert_true(a.team && b.team);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, take_rounds_alone, &a), 0);
    cvy_team_run(b.team, take_rounds, &b);
    assert_int_equal(pthread_join(other, NULL), 0);
    /* A limit on threads holds for each initial thread. */
    for (int t = 0; t < MOST; t++) {
        assert_int_equal(a.slots[t], t < given(2) ? 1000 : 0);
        assert_int_equal(b.slots[t], t < given(3) ? 700 : 0);
        assert_int_equal(a.wrong[t] + b.wrong[t], 0);
    }
    cvy_team_free(a.team);
    cvy_team_free(b.team);
}

typedef struct outer {
    cvy_team *team;
    rounds inner[2];
} outer;

static void run_inner(void *argument, int thread, int threads) {
    outer *o = argument;
    (void)threads;
    cvy_team_barrier(o->team);
    cvy_team_run(o->inner[thread].team, take_rounds, &o->inner[thread]);
    cvy_team_barrier(o->team);
}

/* Inside a parallel region OpenMP gives one thread by default, fewer than were asked for. */
TEST(team_within_a_team) {
    for (int levels = 1; levels <= 2; levels++) {
        omp_set_max_active_levels(levels);
        outer o = {.team = cvy_team_new(2)};
        assert_non_null(o.team);
        for (int i = 0; i < 2; i++) {
            o.inner[i] = (rounds){.team = cvy_team_new(2), .count = 200};
            assert_non_null(o.inner[i].team);
        }
        cvy_team_run(o.team, run_inner, &o);
        for (int i = 0; i < 2; i++) {
            bool ran = i < given(2);
            assert_int_equal(o.inner[i].slots[0], ran ? 200 : 0);
            if (levels == 1)
                assert_int_equal(o.inner[i].slots[1], 0);
            else if (omp_get_thread_limit() >= 4)
                assert_int_equal(o.inner[i].slots[1], 200);
            assert_int_equal(o.inner[i].wrong[0] + o.inner[i].wrong[1], 0);
            cvy_team_free(o.inner[i].team);
        }
        cvy_team_free(o.team);
    }
    omp_set_max_active_levels(1);
}

RUN_TESTS("team", NULL, NULL)
