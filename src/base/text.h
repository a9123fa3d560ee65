/* Texts in memory of a fixed size. */
#ifndef CVY_TEXT_H
#define CVY_TEXT_H

#include <stddef.h>

/* Appends to a text in `size` bytes. What does not fit is cut. */
void cvy_append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
