/* What benchmarks compute on: one stretch of memory, handed out from its beginning, as a block's workspace is. */
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

/* Room for `capacity` bytes, of which only those handed out take memory. Ends the program where there is none. */
bench_memory bench_memory_new(size_t capacity);
void bench_memory_free(bench_memory *memory);

/* Hands out zeroed memory, 64-byte aligned, with a cache line behind it that may be read. */
void *bench_take(bench_memory *memory, size_t bytes);
/* Floats, uniform in [from, to). */
float *bench_floats(bench_memory *memory, size_t count, float from, float to);
/* The next of the memory's random numbers, uniform in [from, to): the same in every run. */
float bench_uniform(bench_memory *memory, float from, float to);

/* Empties all caches of what was handed out. False where the processor has no way to do that. */
bool bench_chill(const void *from, size_t bytes);

#endif
