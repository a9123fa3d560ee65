/* Allocation, aligned to cache lines. */
#ifndef CVY_MEMORY_H
#define CVY_MEMORY_H

#include "status.h"

/* `count` elements of `size` bytes, zeroed, aligned to 64 bytes. NULL and an error that names `what` if there is no
 * memory or the product overflows. The caller frees it with free(). */
void *cvy_allocate(size_t count, size_t size, const char *what, cvy_status *status);

/* `bytes` bytes, not zeroed, aligned to 64 bytes; large blocks in huge pages if the system has them. NULL and an error
 * that names `what` if there is no memory. The caller frees it with free(). */
void *cvy_allocate_unset(size_t bytes, const char *what, cvy_status *status);

#endif
