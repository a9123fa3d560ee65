/* The memory of a benchmark's data: one range, handed out from its beginning, as a block's workspace is. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_memory {
    unsigned char *base;
    size_t used, capacity;
    uint64_t random;
} bench_memory;

/* Reserves `capacity` bytes; only those handed out use memory. Ends the program where there is no memory. */
bench_memory bench_memory_new(size_t capacity);
void bench_memory_free(bench_memory *memory);

/* Hands out zeroed memory, 64-byte aligned. The cache line behind it may be read. */
void *bench_take(bench_memory *memory, size_t bytes);
/* Floats, uniform in [from, to). */
float *bench_floats(bench_memory *memory, size_t count, float from, float to);
/* The next random number, uniform in [from, to); the numbers are the same in every run. */
float bench_uniform(bench_memory *memory, float from, float to);

/* Flushes a range from all caches. False where the processor has no instruction for that. */
bool bench_chill(const void *from, size_t bytes);

#endif
