/* Allocation: cache-line aligned, checked, zeroed. */
#ifndef CVY_MEMORY_H
#define CVY_MEMORY_H

#include "status.h"

/* `count` elements of `size` bytes, zeroed and 64-byte aligned; NULL and an error that names `what` if there is no
 * memory or the product overflows. Freed with free(). */
void *cvy_allocate(size_t count, size_t size, const char *what, cvy_status *status);

/* `bytes` bytes that the caller is about to fill from a file: not zeroed, 64-byte aligned, in huge pages where the
 * system offers them and the block is large. NULL and an error that names `what` if there is no memory. Freed with
 * free(). */
void *cvy_allocate_unset(size_t bytes, const char *what, cvy_status *status);

#endif
