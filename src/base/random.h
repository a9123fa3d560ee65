/* Counter-based random numbers: a pure function of (seed, purpose, epoch, index), so the results do not depend on the
 * order in which threads compute them. Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011.
 */
#ifndef CVY_RANDOM_H
#define CVY_RANDOM_H

#include <stdint.h>

/* The use of a number. It is part of the counter, so no two uses share numbers. Other values would change results. */
typedef enum cvy_purpose {
    CVY_RANDOM_INIT = 1,
    CVY_RANDOM_SHUFFLE = 2,
    CVY_RANDOM_DROPOUT = 3,
    CVY_RANDOM_SHIFT = 4
} cvy_purpose;

typedef struct cvy_random {
    uint32_t u[4];
} cvy_random;

/* 128 random bits. `epoch` is the epoch (shuffle), the step (dropout, shift) or the variable (initialisers). */
cvy_random cvy_random_at(uint64_t seed, cvy_purpose purpose, uint32_t epoch, uint64_t index);

/* Uniform in [0, 1), 24 bits. */
static inline float cvy_random_unit(uint32_t u) {
    return (float)(u >> 8) * 0x1p-24f;
}

#endif
