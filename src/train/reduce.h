/* The sum of a batch's block gradients along a fixed binary tree over the block index:
 *
 *     node(0, i) = gradient of block i
 *     node(l, i) = node(l-1, 2i) + node(l-1, 2i+1), or node(l-1, 2i) alone where the batch ends
 *
 * Whoever adds, and in whichever order the nodes become ready, the sum has the same bits. A reduction is a run of
 * neighbouring nodes in which no two are siblings any more: what one thread has after its blocks, or, joined with the
 * other threads' forests, the batch.
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

/* Appends the node that follows the last one, and joins siblings for as long as there are any: the left one's sum takes
 * in the right one's, over floats [first, first + count). */
void cvy_reduction_push(cvy_reduction *reduction, cvy_node node, const cvy_kernels *kernels, size_t first,
                        size_t count);

/* Where the batch ends: joins what is left, from the right. The sum is then in the first node's. */
void cvy_reduction_finish(cvy_reduction *reduction, const cvy_kernels *kernels, size_t first, size_t count);

/* The most nodes a reduction holds at once while blocks [begin, end) are pushed. */
int cvy_reduction_depth(uint32_t begin, uint32_t end);

#endif
