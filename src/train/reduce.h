/* The sum of a batch's block gradients along a fixed binary tree over the block index:
 *
 *     node(0, i) = gradient of block i
 *     node(l, i) = node(l-1, 2i) + node(l-1, 2i+1), or node(l-1, 2i) alone where the batch ends
 *
 * The sum has the same bits, whichever thread adds and in whichever order the nodes become ready. A reduction holds
 * neighbouring nodes of which no two are siblings: the sums of one thread's blocks or, with those of all threads
 * pushed, of the batch.
 */
#ifndef CVY_REDUCE_H
#define CVY_REDUCE_H

#include <stdbool.h>

#include "../../kernels/kernels.h"

enum { CVY_REDUCTION_MAX = 64 }; /* a run of 32-bit block numbers has at most two lone nodes a level */

typedef struct cvy_node {
    uint32_t level, index;
    float *sum;
} cvy_node;

typedef struct cvy_reduction {
    int count;
    cvy_node nodes[CVY_REDUCTION_MAX];
} cvy_reduction;

/* Appends the node that follows the last one. While the last two are siblings, adds the right sum to the left one, over
 * floats [first, first + count), and makes them one node. */
void cvy_reduction_push(cvy_reduction *reduction, cvy_node node, const cvy_kernels *kernels, size_t first,
                        size_t count);

/* At the end of the batch: adds up the nodes that are left, from the right. The first node then holds the sum. */
void cvy_reduction_finish(cvy_reduction *reduction, const cvy_kernels *kernels, size_t first, size_t count);

/* The most nodes a reduction holds at once while blocks [begin, end) are pushed. */
int cvy_reduction_depth(uint32_t begin, uint32_t end);

#endif
