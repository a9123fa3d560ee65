#define _GNU_SOURCE
#include "team.h"

#include <limits.h>
#include <omp.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <sched.h>
#endif

#include "../base/clock.h"

/* How long a thread spins at the barrier before it sleeps, in seconds.
 *
 * A sleep and a wake-up cost about 22 us on an idle core; who spins for as long never pays much more than twice what
 * knowing the length of the wait would have saved. Measured on two cores (Zen 5, Linux 6.18): microseconds for a step
 * of 70 us of work, barrier, 3 us of work, barrier; median of 7 runs of 1,500 steps; "busy" beside two processes that
 * burn both cores, where the fair share of two threads is half of each.
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
 * More than the sleep costs is spun in vain whenever the scheduler has put two of the threads on one core. Yielding
 * (sched_yield) instead of sleeping, two threads, after 10 us: 750 to 1440 busy. Who yields goes to the end of the
 * queue, while who sleeps soon has a core again when woken. Undisturbed, a barrier takes 60 to 340 ns, depending on
 * where the two cores are, with this bound as without one. A team larger than the machine spins less: the thread it
 * waits for may need this very core. */
static const double spin_seconds = 20e-6, spin_crowded_seconds = 5e-6;

enum {
    LOOKS = 64, /* at the flag between two looks at the clock: about 1 us */
    ASLEEP = 1  /* in the epoch: somebody sleeps until it changes */
};

/* Arrivals and the flag have a cache line each, so that those who arrive do not disturb those who spin. The epoch goes
 * up by 2 when all have arrived. */
typedef struct barrier {
    alignas(64) atomic_uint arrived;
    alignas(64) atomic_uint epoch;
} barrier;

struct cvy_team {
    int size;
    int processors;     /* that this process may use */
    atomic_int members; /* of the present run */
    barrier all;
    barrier group[]; /* [size] */
};

static void start(barrier *b) {
    atomic_init(&b->arrived, 0);
    atomic_init(&b->epoch, 0);
}

cvy_team *cvy_team_new(int threads) {
    const int size = threads > 1 ? threads : 1;
    cvy_team *team = aligned_alloc(alignof(cvy_team), sizeof *team + (size_t)size * sizeof team->group[0]);
    if (!team)
        return NULL;
    team->size = size;
    team->processors = omp_get_num_procs();
    atomic_init(&team->members, 1);
    start(&team->all);
    for (int i = 0; i < size; i++)
        start(&team->group[i]);
    return team;
}

void cvy_team_free(cvy_team *team) {
    free(team);
}

int cvy_team_size(const cvy_team *team) {
    return team->size;
}

void cvy_team_run(cvy_team *team, cvy_team_fn *work, void *argument) {
    if (team->size == 1) {
        work(argument, 0, 1);
        return;
    }
#pragma omp parallel num_threads(team->size)
    {
        /* Only here is it known how many threads OpenMP gave. Each of them writes the same number before its own first
         * barrier, so none waits for another to learn it. */
        int members = omp_get_num_threads();
        atomic_store_explicit(&team->members, members, memory_order_relaxed);
        work(argument, omp_get_thread_num(), members);
    }
}

/* ---- Barrier ---------------------------------------------------------------------------------------------------- */

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#if defined(__linux__)
_Static_assert(sizeof(atomic_uint) == 4, "a futex is 32 bits");

/* Sleeps unless the word has changed; may return early. */
static void sleep_while(atomic_uint *word, unsigned value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_all(atomic_uint *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
#else
static void sleep_while(atomic_uint *word, unsigned value) {
    (void)word, (void)value;
    sched_yield();
}

static void wake_all(atomic_uint *word) {
    (void)word;
}
#endif

/* Has everybody arrived? Acquires what they wrote. */
static inline bool is_past(barrier *b, unsigned epoch) {
    return (atomic_load_explicit(&b->epoch, memory_order_acquire) & ~(unsigned)ASLEEP) != epoch;
}

static bool spin(barrier *b, unsigned epoch, double seconds) {
    double begun = 0;
    for (;;) {
        for (int i = 0; i < LOOKS; i++) {
            if (is_past(b, epoch))
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

static void sleep_until_past(barrier *b, unsigned epoch) {
    /* Fails if another sleeper has set the mark, which is as good, or if the epoch is past. */
    unsigned expected = epoch;
    atomic_compare_exchange_strong_explicit(&b->epoch, &expected, epoch | ASLEEP, memory_order_relaxed,
                                            memory_order_relaxed);
    while (!is_past(b, epoch))
        sleep_while(&b->epoch, epoch | ASLEEP);
}

static void meet(barrier *b, int members, double spin_for) {
    if (members == 1)
        return;
    /* Cannot change before this thread has arrived. */
    unsigned epoch = atomic_load_explicit(&b->epoch, memory_order_relaxed) & ~(unsigned)ASLEEP;
    if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) + 1 < (unsigned)members) {
        if (!spin(b, epoch, spin_for))
            sleep_until_past(b, epoch);
        return;
    }
    /* The last to arrive has acquired what all wrote, through `arrived`; the epoch passes it on, and the counter with
     * it. */
    atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
    if (atomic_exchange_explicit(&b->epoch, epoch + 2, memory_order_release) & ASLEEP)
        wake_all(&b->epoch);
}

/* Members of the run; how long they spin. */
static int crew(const cvy_team *team, double *spin_for) {
    int members = atomic_load_explicit(&team->members, memory_order_relaxed);
    *spin_for = members > team->processors ? spin_crowded_seconds : spin_seconds;
    return members;
}

void cvy_team_barrier(cvy_team *team) {
    double spin_for;
    int members = crew(team, &spin_for);
    meet(&team->all, members, spin_for);
}

void cvy_team_barrier_within(cvy_team *team, int group, int members) {
    double spin_for;
    crew(team, &spin_for);
    meet(&team->group[group], members, spin_for);
}

/* ---- Places ----------------------------------------------------------------------------------------------------- */

int cvy_team_places(int *processors, int capacity) {
    if (omp_get_proc_bind() == omp_proc_bind_false)
        return 0;
    int count = 0;
    for (int place = 0; place < omp_get_num_places(); place++) {
        int size = omp_get_place_num_procs(place);
        int *ids = malloc((size_t)(size > 0 ? size : 1) * sizeof *ids);
        if (!ids)
            break;
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < size; i++, count++)
            if (count < capacity)
                processors[count] = ids[i];
        free(ids);
    }
    return count;
}
