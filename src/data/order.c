#include "order.h"

#include "../base/random.h"

/* The 32-bit words of cvy_random_at(seed, CVY_RANDOM_SHUFFLE, epoch, 0), then of index 1, 2, ..., each used once and in
 * this order, which determines the shuffle. Four blocks are computed at a time, so that their multiplications overlap.
 */
typedef struct words {
    uint64_t seed, index;
    uint32_t epoch;
    unsigned used;
    cvy_random blocks[4];
} words;

static inline uint32_t next_word(words *w) {
    if (w->used == 16) {
        for (int i = 0; i < 4; i++)
            w->blocks[i] = cvy_random_at(w->seed, CVY_RANDOM_SHUFFLE, w->epoch, w->index++);
        w->used = 0;
    }
    unsigned at = w->used++;
    return w->blocks[at / 4].u[at % 4];
}

/* Uniform in 0 .. bound - 1: the high half of word * bound, without the words whose low half is below 2^32 mod bound,
 * which would make some values more likely. The division is needed only if the low half is below bound. Lemire, "Fast
 * random integer generation in an interval", ACM TOMACS 29 (2019). */
static inline uint32_t draw(words *w, uint32_t bound) {
    uint64_t product = (uint64_t)next_word(w) * bound;
    if ((uint32_t)product < bound)
        for (uint32_t least = -bound % bound; (uint32_t)product < least;)
            product = (uint64_t)next_word(w) * bound;
    return (uint32_t)(product >> 32);
}

/* Fisher-Yates from the front ("inside out"): i goes to a random place j of 0 .. i, what was there moves to i. */
void cvy_order_fill(uint32_t *order, size_t count, uint64_t seed, uint32_t epoch, bool shuffle) {
    words w = {.seed = seed, .epoch = epoch, .used = 16};
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
        if (shuffle) {
            uint32_t j = draw(&w, i + 1);
            order[i] = order[j];
            order[j] = i;
        }
    }
}
