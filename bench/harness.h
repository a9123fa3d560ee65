/* Google Benchmark for benchmarks in C (harness.cpp is the only file that knows it). */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One run of a benchmark: as many iterations as Google Benchmark finds fit. */
typedef struct bench_state bench_state;

/* The harness calls it for each run: it prepares, and iterates while bench_more returns true. */
typedef void bench_fn(bench_state *state, void *argument);

typedef struct bench_settings {
    bool own_clock;     /* every iteration reports its time with bench_seconds; else the loop as a whole is timed */
    int64_t iterations; /* of a run; 0: as many as --benchmark_min_time takes */
} bench_settings;

/* Registers a benchmark; `argument` must live until bench_run returns. Name parts are divided by slashes. */
void bench_register(const char *name, bench_fn *run, void *argument, bench_settings settings);

/* Whether to run another iteration. */
bool bench_more(bench_state *state);
/* Reports the time of the iteration. The run then also reports the median of its iterations, in microseconds: other
 * programs that take the core for a while spoil a mean. */
void bench_seconds(bench_state *state, double seconds);
/* Reports a number with the run: "flop", "bytes". */
void bench_count(bench_state *state, const char *name, double value);
/* The same for a sum over the run's iterations, which is reported per iteration. */
void bench_count_all(bench_state *state, const char *name, double sum);
/* Ends the run as failed; the report gives the reason. */
void bench_fail(bench_state *state, const char *why);

/* Adds a text to the context of every report. Before bench_run. */
void bench_context(const char *name, const char *value);

/* Takes Google Benchmark's options from argv, runs the benchmarks that they select and returns an exit code. */
int bench_run(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
