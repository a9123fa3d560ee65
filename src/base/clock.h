#ifndef CVY_CLOCK_H
#define CVY_CLOCK_H

/* Seconds on the monotonic clock. */
double cvy_clock(void);

#endif
