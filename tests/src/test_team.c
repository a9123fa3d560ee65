/* Teams: every thread runs once, the barrier orders and sleeps, and teams do not disturb one another. */
#include "suite.h"

#include <errno.h>
#include <fenv.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/machine/openmp.h"
#include "../../src/machine/team.h"

enum { MOST = 9 };

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
                assert_int_equal(a.visits[t], t < size ? run : 0);
                assert_int_equal(a.threads[t], t < size ? size : 0);
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
            assert_int_equal(r.slots[t], t < size ? count : 0);
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

typedef struct long_wait {
    cvy_team *team;
    double cpu_seconds; /* of the thread that waits */
    int threads;
} long_wait;

static void wait_long(void *argument, int thread, int threads) {
    long_wait *w = argument;
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
    long_wait w = {.team = cvy_team_new(2)};
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
    for (int t = 0; t < MOST; t++) {
        assert_int_equal(a.slots[t], t < 2 ? 1000 : 0);
        assert_int_equal(b.slots[t], t < 3 ? 700 : 0);
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

TEST(team_within_a_team) {
    outer o = {.team = cvy_team_new(2)};
    assert_non_null(o.team);
    for (int i = 0; i < 2; i++) {
        o.inner[i] = (rounds){.team = cvy_team_new(2), .count = 200};
        assert_non_null(o.inner[i].team);
    }
    cvy_team_run(o.team, run_inner, &o);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(o.inner[i].slots[0], 200);
        assert_int_equal(o.inner[i].slots[1], 200);
        assert_int_equal(o.inner[i].wrong[0] + o.inner[i].wrong[1], 0);
        cvy_team_free(o.inner[i].team);
    }
    cvy_team_free(o.team);
}

/* ---- Threads that the system does not start --------------------------------------------------------------------- */

static int started_at_most = -1; /* -1: no limit */

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*begin)(void *), void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*begin)(void *), void *argument) {
    if (started_at_most == 0)
        return EAGAIN;
    started_at_most -= started_at_most > 0;
    return __real_pthread_create(id, attributes, begin, argument);
}

TEST(fewer_threads_than_asked) {
    for (int limit = 0; limit < 4; limit++) {
        started_at_most = limit;
        rounds r = {.team = cvy_team_new(4), .count = 200};
        started_at_most = -1;
        assert_non_null(r.team);
        assert_int_equal(cvy_team_wanted(r.team), 4);
        assert_int_equal(cvy_team_size(r.team), 1 + limit);
        cvy_team_run(r.team, take_rounds, &r);
        for (int t = 0; t < MOST; t++) {
            assert_int_equal(r.slots[t], t <= limit ? 200 : 0);
            assert_int_equal(r.wrong[t], 0);
        }
        cvy_team_free(r.team);
    }
}

/* ---- Forks ------------------------------------------------------------------------------------------------------ */

/* The child's exit code: 0 if the team of its parent works in it. A hang ends by the alarm. */
static int run_in_child(rounds *r, int size) {
    alarm(20);
    memset(r->slots, 0, sizeof r->slots);
    if (cvy_team_size(r->team) != size)
        return 1;
    for (int run = 0; run < 2; run++)
        cvy_team_run(r->team, take_rounds, r);
    for (int t = 0; t < size; t++)
        if (r->slots[t] != r->count || r->wrong[t])
            return 2;
    cvy_team_free(r->team);
    return 0;
}

static void expect_good(pid_t child) {
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(team_in_a_forked_process) {
    if (UNDER_THREAD_SANITIZER)
        skip();
    rounds r = {.team = cvy_team_new(3), .count = 200};
    assert_non_null(r.team);
    cvy_team_run(r.team, take_rounds, &r);
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(run_in_child(&r, 3));
        int status;
        waitpid(grandchild, &status, 0);
        _exit(status ? 3 : run_in_child(&r, 3));
    }
    expect_good(child);
    cvy_team_run(r.team, take_rounds, &r); /* the parent's still works */
    child = fork();
    if (child == 0) {
        cvy_team_free(r.team); /* whose threads are not there */
        _exit(0);
    }
    expect_good(child);
    cvy_team_free(r.team);
}

/* ---- What threads have of their own ----------------------------------------------------------------------------- */

typedef struct setting {
    int rounding[MOST];
    bool takes_signals[MOST];
} setting;

static void note_setting(void *argument, int thread, int threads) {
    setting *s = argument;
    sigset_t blocked;
    (void)threads;
    s->rounding[thread] = fegetround();
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    s->takes_signals[thread] = !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGUSR1);
}

TEST(threads_compute_in_the_default_environment_and_take_no_signals) {
    fesetround(FE_UPWARD);
    cvy_team *team = cvy_team_new(3);
    assert_non_null(team);
    setting s;
    cvy_team_run(team, note_setting, &s);
    assert_int_equal(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
    assert_int_equal(s.rounding[0], FE_UPWARD); /* the caller's own */
    assert_true(s.takes_signals[0]);
    for (int t = 1; t < 3; t++) {
        assert_int_equal(s.rounding[t], FE_TONEAREST);
        assert_false(s.takes_signals[t]);
    }
    cvy_team_free(team);
}

/* ---- OpenMP's settings ------------------------------------------------------------------------------------------ */

TEST(openmp_limits) {
    const char *limit = getenv("OMP_THREAD_LIMIT");
    if (limit)
        assert_int_equal(cvy_openmp_limit(), atoi(limit));
    else
        assert_true(cvy_openmp_limit() > 1000);
    if (UNDER_THREAD_SANITIZER)
        skip();
    int within[2] = {0};
#pragma omp parallel num_threads(2)
    within[omp_get_thread_num()] = cvy_openmp_limit();
    assert_int_equal(within[0], 1); /* a parallel region within another has one thread by default */
    assert_int_equal(within[1], omp_get_thread_limit() > 1 ? 1 : 0);
}

RUN_TESTS("team", NULL, NULL)
