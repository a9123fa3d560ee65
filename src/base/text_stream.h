/* A text that is written to a stream, in memory. */
#ifndef CVY_TEXT_STREAM_H
#define CVY_TEXT_STREAM_H

#include "status.h"

#include <stdio.h>

/* Must stay in its place between the two calls. */
typedef struct cvy_text_stream {
    FILE *out;
    char *text;
    size_t length;
} cvy_text_stream;

/* Errors name `what` is written. After an error there is nothing to end. */
bool cvy_text_begin(cvy_text_stream *stream, const char *what, cvy_status *status);

/* The text, which the caller frees with free(). NULL and an error if memory ran out at any time. */
char *cvy_text_end(cvy_text_stream *stream, const char *what, cvy_status *status);

#endif
