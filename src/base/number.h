/* Numbers in texts that users write. */
#ifndef CVY_NUMBER_H
#define CVY_NUMBER_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A number that begins right at `text`, where strtod would skip space; *end is behind it. */
static inline bool cvy_read_number(const char *text, double *number, const char **end) {
    char *stop;
    if (!*text || strchr(" \t\n\v\f\r", *text))
        return false;
    *number = strtod(text, &stop);
    *end = stop;
    return stop > text;
}

#endif
