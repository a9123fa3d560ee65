#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

enum { LINE = 64 };

static void *or_end(void *p) {
    if (!p || p == MAP_FAILED) {
        fputs("benchmarks: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

bench_memory bench_memory_new(size_t capacity) {
    unsigned char *base =
        or_end(mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    return (bench_memory){.base = base, .capacity = capacity, .random = 88172645463325252u};
}

void bench_memory_free(bench_memory *memory) {
    if (memory->base)
        munmap(memory->base, memory->capacity);
    *memory = (bench_memory){0};
}

void *bench_take(bench_memory *memory, size_t bytes) {
    size_t padded = (bytes + LINE - 1) / LINE * LINE + LINE;
    if (padded > memory->capacity - memory->used)
        or_end(NULL);
    void *p = memory->base + memory->used;
    memory->used += padded;
    return p;
}

/* A linear congruential generator with Knuth's multiplier, of which only the upper bits are used. */
float bench_uniform(bench_memory *memory, float from, float to) {
    memory->random = memory->random * 6364136223846793005u + 1442695040888963407u;
    return from + (to - from) * (float)(memory->random >> 40) * 0x1p-24f;
}

float *bench_floats(bench_memory *memory, size_t count, float from, float to) {
    float *p = bench_take(memory, count * sizeof *p);
    for (size_t i = 0; i < count; i++)
        p[i] = bench_uniform(memory, from, to);
    return p;
}

bool bench_chill(const void *from, size_t bytes) {
    const char *at = from;
#if defined(__x86_64__)
    for (size_t i = 0; i < bytes; i += LINE)
        _mm_clflush(at + i);
    _mm_mfence();
    return true;
#elif defined(__aarch64__)
    for (size_t i = 0; i < bytes; i += LINE)
        __asm__ volatile("dc civac, %0" : : "r"(at + i) : "memory");
    __asm__ volatile("dsb sy" : : : "memory");
    return true;
#else
    (void)at;
    (void)bytes;
    return false;
#endif
}
