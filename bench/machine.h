/* The limits of the machine, a core's peak of multiply-adds and the bandwidths; and pinning to a processor. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

/* Registers machine/peak/TIER for each tier of the set, and machine/bandwidth/cache and machine/bandwidth/memory. */
void bench_register_machine(unsigned tiers);

/* Pins the calling thread to the last of the processors that it may use: the first ones serve more interrupts. Returns
 * its number, or -1 where the system forbids that. */
int bench_pin(void);
/* Undoes bench_pin, also for the threads that the calling thread starts from now on. */
void bench_unpin(void);

#endif
