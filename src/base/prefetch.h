#ifndef CVY_PREFETCH_H
#define CVY_PREFETCH_H

/* Prefetches the cache line at p for writing: invalidates the copies in other cores' caches. On x86 the compiler turns
 * __builtin_prefetch(p, 1) into a prefetch for reading unless the target has prefetchw. Processors without it
 * ignore it. */
static inline void cvy_prefetch_write(const float *p) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*p));
#else
    __builtin_prefetch(p, 1, 2);
#endif
}

#endif
