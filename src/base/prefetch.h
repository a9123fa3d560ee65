#ifndef CVY_PREFETCH_H
#define CVY_PREFETCH_H

/* Asks for the cache line at p, to be written soon: takes it away from the cores that have read it. On x86 compilers
 * make a plain prefetch of __builtin_prefetch(p, 1), unless told that the processor knows another; those that do not
 * take prefetchw for no operation. */
static inline void cvy_prefetch_write(const float *p) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*p));
#else
    __builtin_prefetch(p, 1, 2);
#endif
}

#endif
