/* A data set that a network learns quickly: class k is a bright bar in another place. */
#ifndef TESTS_BARS_H
#define TESTS_BARS_H

#include "../../src/convoy.h"

enum { SIDE = 12, PIXELS = SIDE * SIDE, CLASSES = 3 };

/* images[count][SIDE][SIDE]: bars of at least `bright`, a ground of 10, and up to `noise` on top of both. */
static inline void fill_bars(size_t count, int bright, int noise, uint8_t *images, uint8_t *labels) {
    for (size_t n = 0; n < count; n++) {
        labels[n] = (uint8_t)(n % CLASSES);
        for (size_t p = 0; p < PIXELS; p++)
            images[n * PIXELS + p] =
                (uint8_t)((p / SIDE / 4 == labels[n] ? bright : 10) + (int)(n * 31 + p * 7) % noise);
    }
}

#endif
