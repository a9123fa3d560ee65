#define _GNU_SOURCE
#include "team.h"

#include <fenv.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/float_environment.h"
#include "openmp.h"

/* How long a thread spins at the barrier before it sleeps, in seconds.
 *
 * To sleep and to be woken costs about 22 us on an idle core. A thread that spins for as long as that pays at most
 * about twice of what it would pay if it knew the length of the wait. Measured on two cores (Zen 5, Linux 6.18):
 * microseconds for a step of 70 us of work, barrier, 3 us of work, barrier; median of 7 runs of 1,500 steps; "busy" is
 * beside two processes that burn both cores, where the fair share of two threads is half of each.
 *
 *   two threads: spin   alone   busy     four threads: spin   alone   busy
 *                0 us     120    355                   2 us     186    495
 *                2 us      94    288                   5 us     182    445
 *                5 us      76    160                  10 us     188    489
 *               10 us      75    157                  20 us     205    510
 *               20 us      75    156                 100 us     362    928
 *              100 us      75    155
 *             for ever     77    291 to 3474 (three runs)
 *
 * A longer spin than the sleep costs is wasted whenever the scheduler has put two of the threads on one core. Yielding
 * after 10 us (sched_yield) instead of sleeping is slower: 750 to 1440 busy on two threads. A thread that yields goes
 * to the end of the queue; a thread that sleeps gets a core soon after it is woken. Undisturbed, a barrier takes 60 to
 * 340 ns, depending on where the two cores are, with this bound as without one. A team larger than the machine spins
 * less: the thread that it waits for may need this very core. */
static const double spin_seconds = 20e-6, spin_crowded_seconds = 5e-6;

enum {
    LOOKS = 64, /* at the flag between two looks at the clock: about 1 us */
    ASLEEP = 1  /* in the epoch: a thread sleeps until it changes */
};

/* A thread of the team but the caller. */
typedef struct member {
    cvy_team *team;
    int thread;
    pthread_t id;
} member;

/* Arrivals and the epoch have a cache line each, so that a thread that arrives does not disturb those that spin. */
struct cvy_team {
    int wanted, size;       /* threads, with the caller: asked for, and there */
    int processors;         /* that this process may use */
    unsigned forks;         /* of the process in which the members live */
    pthread_mutex_t hiring; /* held until the size is known */
    cvy_team_fn *work;      /* of the present run; NULL: the members are to end */
    void *argument;
    alignas(64) atomic_uint arrived;
    alignas(64) atomic_uint epoch; /* goes up by 2 when all have arrived */
    member members[];              /* [wanted - 1] */
};

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

/* How often the process forked on its way here. A child has none of its parent's threads but the one that forked. */
static unsigned forks;

static void count_fork(void) {
    forks++;
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(NULL, NULL, count_fork);
}

/* A member's life: runs, between two barriers each. */
static void *serve(void *argument) {
    const member *self = argument;
    cvy_team *team = self->team;
    pthread_mutex_lock(&team->hiring);
    pthread_mutex_unlock(&team->hiring);
    fesetenv(FE_DFL_ENV); /* a thread inherits that of the one that starts it */
    cvy_float_enter();
    for (;;) {
        cvy_team_barrier(team);
        if (!team->work)
            return NULL;
        team->work(team->argument, self->thread, team->size);
        cvy_team_barrier(team);
    }
}

/* Starts the members, as many as the system allows. Signals are for the program's own threads. */
static void hire(cvy_team *team) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_init(&team->hiring, NULL);
    pthread_mutex_lock(&team->hiring);
    atomic_init(&team->arrived, 0);
    atomic_init(&team->epoch, 0);
    team->forks = forks;
    for (team->size = 1; team->size < team->wanted; team->size++) {
        member *next = &team->members[team->size - 1];
        *next = (member){.team = team, .thread = team->size};
        if (pthread_create(&next->id, NULL, serve, next))
            break;
    }
    pthread_mutex_unlock(&team->hiring);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

cvy_team *cvy_team_new(int threads) {
    const int wanted = threads > 1 ? threads : 1;
    const size_t bytes = sizeof(cvy_team) + (size_t)(wanted - 1) * sizeof(member), line = alignof(cvy_team);
    cvy_team *team = aligned_alloc(line, (bytes + line - 1) / line * line);
    if (!team)
        return NULL;
    team->wanted = wanted;
    team->processors = cvy_openmp_processors();
    hire(team);
    return team;
}

void cvy_team_free(cvy_team *team) {
    if (!team)
        return;
    if (team->forks == forks) {
        team->work = NULL;
        cvy_team_barrier(team);
        for (int i = 0; i < team->size - 1; i++)
            pthread_join(team->members[i].id, NULL);
    }
    free(team);
}

int cvy_team_wanted(const cvy_team *team) {
    return team->wanted;
}

int cvy_team_size(cvy_team *team) {
    if (team->forks != forks)
        hire(team);
    return team->size;
}

void cvy_team_run(cvy_team *team, cvy_team_fn *work, void *argument) {
    const int size = cvy_team_size(team);
    team->work = work;
    team->argument = argument;
    cvy_team_barrier(team);
    work(argument, 0, size);
    cvy_team_barrier(team);
}

/* ---- Barrier ---------------------------------------------------------------------------------------------------- */

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

_Static_assert(sizeof(atomic_uint) == 4, "a futex is 32 bits");

/* Sleeps unless the word has changed; may return early. */
static void sleep_while(atomic_uint *word, unsigned value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_all(atomic_uint *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Whether all have arrived; acquires what they wrote. */
static inline bool is_past(cvy_team *team, unsigned epoch) {
    return (atomic_load_explicit(&team->epoch, memory_order_acquire) & ~(unsigned)ASLEEP) != epoch;
}

static bool spin(cvy_team *team, unsigned epoch, double seconds) {
    double begun = 0;
    for (;;) {
        for (int i = 0; i < LOOKS; i++) {
            if (is_past(team, epoch))
                return true;
            pause_briefly();
        }
        double now = cvy_clock();
        if (begun == 0)
            begun = now;
        else if (now - begun > seconds)
            return false;
    }
}

static void sleep_until_past(cvy_team *team, unsigned epoch) {
    /* Fails if another sleeper has set the mark, which is as good, or if the epoch is past. */
    unsigned expected = epoch;
    atomic_compare_exchange_strong_explicit(&team->epoch, &expected, epoch | ASLEEP, memory_order_relaxed,
                                            memory_order_relaxed);
    while (!is_past(team, epoch))
        sleep_while(&team->epoch, epoch | ASLEEP);
}

void cvy_team_barrier(cvy_team *team) {
    const int members = team->size;
    if (members == 1)
        return;
    /* Cannot change before this thread has arrived. */
    const unsigned epoch = atomic_load_explicit(&team->epoch, memory_order_relaxed) & ~(unsigned)ASLEEP;
    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 < (unsigned)members) {
        if (!spin(team, epoch, members > team->processors ? spin_crowded_seconds : spin_seconds))
            sleep_until_past(team, epoch);
        return;
    }
    /* The last to arrive has acquired what all wrote, through `arrived`; the epoch passes it on, and the counter with
     * it. */
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    if (atomic_exchange_explicit(&team->epoch, epoch + 2, memory_order_release) & ASLEEP)
        wake_all(&team->epoch);
}
