/* What stands above every other figure: the core's peak of multiply-adds, and how fast memory is; and a core of one's
 * own to measure on. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

/* Registers machine/peak/TIER for each tier of the set, and machine/bandwidth/cache and machine/bandwidth/memory. */
void bench_register_machine(unsigned tiers);

/* Keeps the calling thread on the last of the processors that it may use: the first ones serve more interrupts.
 * Returns which, or -1 where the system does not let it. */
int bench_pin(void);
/* Lets it, and the threads that it starts from now on, run wherever they could before. */
void bench_unpin(void);

#endif
