/* Whether floats are numbers. */
#ifndef CVY_FINITE_H
#define CVY_FINITE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t cvy_magnitude_bits(const float *value) {
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    return bits & 0x7fffffff;
}

/* The index of the first value that is NaN or infinite; count if there is none. */
static inline size_t cvy_first_not_finite(const float *values, size_t count) {
    uint32_t any = 0; /* without a branch a compiler makes vector instructions of it */
    for (size_t i = 0; i < count; i++)
        any |= (cvy_magnitude_bits(&values[i]) + 0x00800000) & 0x80000000;
    size_t i = any ? 0 : count;
    while (i < count && cvy_magnitude_bits(&values[i]) < 0x7f800000)
        i++;
    return i;
}

#endif
