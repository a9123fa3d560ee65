#include "harness.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

namespace {

benchmark::State &of(bench_state *state) {
    return *reinterpret_cast<benchmark::State *>(state);
}

/* The times that bench_seconds got in the present run. Benchmarks run one after another, on one thread. */
std::vector<double> times;

double median(std::vector<double> &values) {
    auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

} // namespace

void bench_register(const char *name, bench_fn *run, void *argument, bench_settings settings) {
    auto *registered = benchmark::RegisterBenchmark(name, [run, argument](benchmark::State &state) {
        times.clear();
        run(reinterpret_cast<bench_state *>(&state), argument);
        if (!times.empty())
            state.counters["median"] = 1e6 * median(times);
    });
    registered->Unit(benchmark::kMicrosecond);
    if (settings.own_clock)
        registered->UseManualTime();
    if (settings.iterations > 0)
        registered->Iterations(settings.iterations);
}

bool bench_more(bench_state *state) {
    return of(state).KeepRunning();
}

void bench_seconds(bench_state *state, double seconds) {
    of(state).SetIterationTime(seconds);
    times.push_back(seconds);
}

void bench_count(bench_state *state, const char *name, double value) {
    of(state).counters[name] = value;
}

void bench_count_all(bench_state *state, const char *name, double sum) {
    of(state).counters[name] = benchmark::Counter(sum, benchmark::Counter::kAvgIterations);
}

void bench_fail(bench_state *state, const char *why) {
    of(state).SkipWithError(why);
}

void bench_context(const char *name, const char *value) {
    benchmark::AddCustomContext(name, value);
}

int bench_run(int argc, char **argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
