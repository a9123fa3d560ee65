/* The order of the images in an epoch. */
#ifndef CVY_ORDER_H
#define CVY_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills order with a permutation of 0 .. count-1 that depends only on seed and epoch (Fisher-Yates with counter-based
 * random numbers, without bias); without shuffle with 0, 1, 2, ... count is at most UINT32_MAX. */
void cvy_order_fill(uint32_t *order, size_t count, uint64_t seed, uint32_t epoch, bool shuffle);

#endif
