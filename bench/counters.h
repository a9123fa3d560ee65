/* The processor's counters, where the kernel lets a process read them. */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "harness.h"

enum { BENCH_COUNTERS = 4 };

/* "cycles", "instructions", "cache-misses" (of the last level), "branch-misses". */
extern const char *const bench_counter_names[BENCH_COUNTERS];

/* Opens them for the calling thread, in user mode only. False, with the reason in `why`, where that is not allowed or
 * where there are none; the functions below then do nothing. */
bool bench_counters_open(char *why, int capacity);
void bench_counters_close(void);

/* Sets the counters to zero; starts them; stops them. */
void bench_counters_reset(void);
void bench_counters_resume(void);
void bench_counters_pause(void);

/* The counts since the last reset; false if the counters are closed. */
bool bench_counters_read(uint64_t counts[static BENCH_COUNTERS]);
/* Reports the counts with a benchmark's run, per iteration. */
void bench_counters_report(bench_state *state);

#endif
