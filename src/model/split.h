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
 * Measured: a step of 16 images on one thread in us, and how many times as fast two threads are that share it, in all
 * operations that can be shared (Zen 5, AVX-512, medians of epochs in turn, a virtual machine of two cores that its
 * host sometimes places side by side and sometimes further apart; a round trip of a cache line took 45 to 250 or 400 to
 * 570 ns, each line that crosses about 2 or 18 ns more).
 *
 *                                                                one thread    near    far   split
 *   conv 3x3x4 of 14x14, pool, dense 10                                 3.1    0.95            no
 *   lesson                                                               28    1.36   0.57     no
 *   conv 5x5x8, pool, conv 5x5x16, pool, dense 10                        87           0.88     no
 *   lenet5                                                               87    1.60   0.65     no
 *   conv 5x5x16, pool, conv 5x5x16, pool, dense 10                      165           0.86     no
 *   conv 5x5x16, pool, conv 5x5x32, pool, dense 10                      280    1.85   1.24    yes
 *   conv 3x3x32, pool, conv 3x3x64, pool, dense 10                      615    1.86   1.16    yes
 *   the same with "same" padding, without the first pool,
 *   dropout, dense 128, dropout                                        7500           1.86    yes
 *
 * Nothing tells a process for sure how far its cores are apart, least of all in a virtual machine, so the rule takes
 * them for distant: who is not split would at best have gained what the middle rows show near, and who is split loses
 * nowhere.
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
