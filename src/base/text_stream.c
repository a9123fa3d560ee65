#include "text_stream.h"

#include <stdlib.h>

bool cvy_text_begin(cvy_text_stream *stream, const char *what, cvy_status *status) {
    *stream = (cvy_text_stream){0};
    stream->out = open_memstream(&stream->text, &stream->length);
    return stream->out || cvy_fail_memory(status, what, 0);
}

char *cvy_text_end(cvy_text_stream *stream, const char *what, cvy_status *status) {
    bool failed = ferror(stream->out);
    failed |= fclose(stream->out) != 0;
    if (!failed && stream->text) /* glibc's fclose() returns 0, too, when the last allocation failed */
        return stream->text;
    free(stream->text);
    cvy_fail_memory(status, what, stream->length);
    return NULL;
}
