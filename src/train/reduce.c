#include "reduce.h"

static bool siblings(const cvy_node *left, const cvy_node *right) {
    return left->level == right->level && left->index % 2 == 0 && right->index == left->index + 1;
}

/* Adds the last node to the one before it. */
static void join(cvy_reduction *reduction, const cvy_kernels *kernels, size_t first, size_t count) {
    cvy_node *left = &reduction->nodes[reduction->count - 2], *right = left + 1;
    kernels->add(count, left->sum + first, right->sum + first, left->sum + first);
    left->level++;
    left->index /= 2;
    reduction->count--;
}

void cvy_reduction_push(cvy_reduction *reduction, cvy_node node, const cvy_kernels *kernels, size_t first,
                        size_t count) {
    reduction->nodes[reduction->count++] = node;
    while (reduction->count > 1 &&
           siblings(&reduction->nodes[reduction->count - 2], &reduction->nodes[reduction->count - 1]))
        join(reduction, kernels, first, count);
}

void cvy_reduction_finish(cvy_reduction *reduction, const cvy_kernels *kernels, size_t first, size_t count) {
    while (reduction->count > 1)
        join(reduction, kernels, first, count);
}

int cvy_reduction_depth(uint32_t begin, uint32_t end) {
    cvy_reduction reduction = {0};
    int depth = 0;
    for (uint32_t block = begin; block < end; block++) {
        cvy_node *node = &reduction.nodes[reduction.count++];
        *node = (cvy_node){.index = block};
        if (reduction.count > depth)
            depth = reduction.count;
        while (reduction.count > 1 &&
               siblings(&reduction.nodes[reduction.count - 2], &reduction.nodes[reduction.count - 1])) {
            cvy_node *left = &reduction.nodes[--reduction.count - 1];
            left->level++;
            left->index /= 2;
        }
    }
    return depth;
}
