/* One block on several threads, for batches that have fewer blocks than the machine has cores.
 *
 * The threads that share a block are its parts: part 0, which has the block, and helpers. Each computes some channels
 * of every large operation: filters forward and for the gradient of the weights, the input's channels backward, units
 * and inputs of a dense layer. An output stays the one chain that it is, so the bits are those of one thread. What is
 * pooled, activated or dropped stays with the part that made it, and so does the gradient of the first layer: parts
 * meet only where an operation takes all channels of what others wrote. The images, and what is made of them, each part
 * has for itself, as that is sooner done than fetched. Small operations and the loss are part 0's.
 *
 * The rule. An operation is cut if two parts then save more than a meeting. A block has as many parts as do it soonest,
 * by a count of floating-point operations that adds CVY_MEETING_FLOP for every meeting (times half the parts) and a
 * CVY_MEETING_LINES-th of it for every cache line that a part fetches from, or takes from, another; more parts have to
 * take 5 % off. It follows from the network alone, and changes no bit.
 *
 * Measured: a step of 16 images on one thread in us, and how many times as fast two threads are that share its block,
 * whatever the rule says (Zen 5, AVX-512; medians of 5 to 9 runs of 7 epochs in turn; a virtual machine of two cores,
 * which its host has side by side at times, and further apart at others: a round trip of a cache line took up to 300
 * ns, or 350 and more).
 *
 *                                                        one thread    near     far    split
 *   conv 3x3x4 of 14x14, pool, dense 10                         3.0    1.02    0.31    no
 *   lesson                                                       28    1.37    0.60    no
 *   conv 5x5x8, pool, conv 5x5x16, pool, dense 10                87    1.71    0.87    no
 *   lenet5                                                       87    1.63    0.64    no
 *   conv 5x5x16, pool, conv 5x5x16, pool, dense 10              169    1.70    0.84    no
 *   conv 5x5x16, pool, conv 5x5x32, pool, dense 10              284    1.85    1.23    yes
 *   conv 3x3x32, pool, conv 3x3x64, pool, dense 10              610    1.87    1.18    yes
 *   two same-padded convs 3x3x32 and 3x3x64, pool,
 *   dropout, dense 128, dropout, dense 10                      7780    1.86    1.54    yes
 *
 * What is lost beside half of the time on one thread comes to about 2.5 ns near, and 18 ns far, for each line that
 * crosses. A process cannot tell for sure how far its cores are apart, so the rule takes them for distant: what it
 * splits is faster everywhere. Fewer cores than parts are out of the question: every meeting would wait for a turn.
 */
#ifndef CVY_SPLIT_H
#define CVY_SPLIT_H

#include "plan.h"

/* What a meeting of two parts costs, in floating-point operations of a convolution, 0.46 us of such a core; and how
 * many cache lines crossing cost as much. */
#define CVY_MEETING_FLOP 125e3
enum { CVY_MEETING_LINES = 25 };

/* Says where the stages are cut, and in how many parts a block is worth splitting. */
void cvy_split_plan(cvy_plan *plan, double meeting);

/* In how many parts `threads` (>= 1) threads do a block soonest: 1 to threads. */
static inline int cvy_split_parts(const cvy_plan *plan, size_t threads) {
    return plan->parts[threads < CVY_SPLIT_MAX ? threads : CVY_SPLIT_MAX];
}

/* Whether the parts meet before a stage's way forward, and behind the last stage. */
bool cvy_split_meets_forward(const cvy_plan *plan, int index);
bool cvy_split_meets_loss(const cvy_plan *plan);
/* Whether they meet before its way back, and between the gradients of its weights and of its input. */
bool cvy_split_meets_backward(const cvy_plan *plan, int index);
bool cvy_split_meets_data(const cvy_plan *plan, int index);

/* A part's share of `count` channels, cut at multiples of `cut`; the shares differ by one such multiple at most, and
 * may be empty. Part 0, which is the last of its threads, takes the last: so a thread's share of the parameters lies
 * about where those are that it updates. With cut 0 all of it is part 0's. */
static inline cvy_slice cvy_split_share(int count, int cut, int part, int parts) {
    if (cut == 0)
        return part == 0 ? (cvy_slice){0, count} : (cvy_slice){0, 0};
    const int pieces = (count + cut - 1) / cut, place = parts - 1 - part;
    const int first = pieces * place / parts * cut, end = pieces * (place + 1) / parts * cut;
    return (cvy_slice){first, end < count ? end : count};
}

#endif
