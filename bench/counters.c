#include "counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const bench_counter_names[BENCH_COUNTERS] = {"cycles", "instructions", "cache-misses", "branch-misses"};

/* The first counter leads the group, so that all count over the same time. */
static int group[BENCH_COUNTERS] = {-1, -1, -1, -1};

static int open_one(uint64_t event, int leader) {
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.size = sizeof attr;
    attr.type = PERF_TYPE_HARDWARE;
    attr.config = event;
    attr.disabled = leader == -1;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);
}

static void explain(int error, char *why, int capacity) {
    const char *word = strerror(error);
    if (error == ENOENT || error == EOPNOTSUPP || error == ENODEV)
        word = "this processor, or the virtual machine it is, has no counters";
    else if (error == EACCES || error == EPERM)
        word = "not allowed; see /proc/sys/kernel/perf_event_paranoid, of which 2 or less will do";
    else if (error == ENOSYS)
        word = "this kernel has no perf events";
    snprintf(why, (size_t)capacity, "%s", word);
}

bool bench_counters_open(char *why, int capacity) {
    static const uint64_t events[BENCH_COUNTERS] = {PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS,
                                                    PERF_COUNT_HW_CACHE_MISSES, PERF_COUNT_HW_BRANCH_MISSES};
    bench_counters_close();
    for (int i = 0; i < BENCH_COUNTERS; i++) {
        group[i] = open_one(events[i], group[0]);
        if (group[i] < 0) {
            explain(errno, why, capacity);
            bench_counters_close();
            return false;
        }
    }
    return true;
}

void bench_counters_close(void) {
    for (int i = BENCH_COUNTERS - 1; i >= 0; i--) {
        if (group[i] >= 0)
            close(group[i]);
        group[i] = -1;
    }
}

static void tell(unsigned long request) {
    if (group[0] >= 0)
        ioctl(group[0], request, PERF_IOC_FLAG_GROUP);
}

void bench_counters_reset(void) {
    tell(PERF_EVENT_IOC_RESET);
}

void bench_counters_resume(void) {
    tell(PERF_EVENT_IOC_ENABLE);
}

void bench_counters_pause(void) {
    tell(PERF_EVENT_IOC_DISABLE);
}

bool bench_counters_read(uint64_t counts[static BENCH_COUNTERS]) {
    for (int i = 0; i < BENCH_COUNTERS; i++)
        if (group[i] < 0 || read(group[i], &counts[i], sizeof counts[i]) != (ssize_t)sizeof counts[i])
            return false;
    return true;
}

void bench_counters_report(bench_state *state) {
    uint64_t counts[BENCH_COUNTERS];
    for (int i = 0; bench_counters_read(counts) && i < BENCH_COUNTERS; i++)
        bench_count_all(state, bench_counter_names[i], (double)counts[i]);
}
