#include "reduce.h"

static bool siblings(const cvy_node *left, const cvy_node *right) {
    return left->level == right->level && left->index % 2 == 0 && right->index == left->index + 1;
}

/* The last node goes into the one before it. */
static void join(cvy_forest *forest, const cvy_kernels *kernels, size_t first, size_t count) {
    cvy_node *left = &forest->nodes[forest->count - 2], *right = left + 1;
    kernels->add(count, left->sum + first, right->sum + first, left->sum + first);
    left->level++;
    left->index /= 2;
    forest->count--;
}

void cvy_forest_push(cvy_forest *forest, cvy_node node, const cvy_kernels *kernels, size_t first, size_t count) {
    forest->nodes[forest->count++] = node;
    while (forest->count > 1 && siblings(&forest->nodes[forest->count - 2], &forest->nodes[forest->count - 1]))
        join(forest, kernels, first, count);
}

void cvy_forest_close(cvy_forest *forest, const cvy_kernels *kernels, size_t first, size_t count) {
    while (forest->count > 1)
        join(forest, kernels, first, count);
}

int cvy_forest_depth(uint32_t begin, uint32_t end) {
    cvy_forest forest = {0};
    int depth = 0;
    for (uint32_t block = begin; block < end; block++) {
        cvy_node *node = &forest.nodes[forest.count++];
        *node = (cvy_node){.index = block};
        if (forest.count > depth)
            depth = forest.count;
        while (forest.count > 1 && siblings(&forest.nodes[forest.count - 2], &forest.nodes[forest.count - 1])) {
            cvy_node *left = &forest.nodes[--forest.count - 1];
            left->level++;
            left->index /= 2;
        }
    }
    return depth;
}
