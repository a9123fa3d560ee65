/* One block on several threads, for batches that have fewer blocks than the machine has cores.
 *
 * The threads that share a block are its parts: part 0, which loads the images and computes the loss, and helpers. Each
 * computes a slice of every large operation's outputs: rows of an image, rows of a kernel, inputs and units of a dense
 * layer. An output stays the one chain that it is, so the bits are those of one thread. The parts meet between two
 * operations if one reads what another part wrote.
 */
#ifndef CVY_SPLIT_H
#define CVY_SPLIT_H

#include "plan.h"

/* What a meeting of two parts costs, in floating-point operations of a convolution. */
#define CVY_MEETING_FLOP 100e3

/* Says where the stages are cut, and in how many parts a block is worth splitting. */
void cvy_split_plan(cvy_plan *plan, double meeting);

/* In how many parts `threads` (>= 1) threads do a block soonest: 1 to threads. */
static inline int cvy_split_parts(const cvy_plan *plan, size_t threads) {
    return plan->parts[threads < CVY_SPLIT_MAX ? threads : CVY_SPLIT_MAX];
}

/* Whether the parts meet before a stage's way forward, before its way back, and behind the last stage. */
bool cvy_split_meets_forward(const cvy_plan *plan, int index);
bool cvy_split_meets_backward(const cvy_plan *plan, int index);
bool cvy_split_meets_loss(const cvy_plan *plan);

/* What is cut of a value: the rows of an image, the elements of a vector. */
static inline int cvy_split_extent(cvy_shape shape) {
    return shape.rank == 1 ? shape.channels : shape.height;
}

/* A part's share of `count` rows (or elements), cut at multiples of `cut`; the shares differ by one such multiple at
 * most, and may be empty. With cut 0 all of it is part 0's. */
static inline cvy_slice cvy_split_share(int count, int cut, int part, int parts) {
    if (cut == 0)
        return part == 0 ? (cvy_slice){0, count} : (cvy_slice){0, 0};
    const int pieces = (count + cut - 1) / cut;
    const int first = pieces * part / parts * cut, end = pieces * (part + 1) / parts * cut;
    return (cvy_slice){first, end < count ? end : count};
}

#endif
