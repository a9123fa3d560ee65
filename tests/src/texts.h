/* Settings as text: what every parser of them does with a wrong one. Include suite.h first. */
#ifndef TESTS_TEXTS_H
#define TESTS_TEXTS_H

#include <stdbool.h>
#include <string.h>

#include "../../src/base/status.h"

typedef bool text_parser(const char *text, void *settings, cvy_status *status);

typedef struct wrong_text {
    const char *text, *what; /* the message, or a part of it */
} wrong_text;

static inline void parse_or_fail(text_parser *parse, const char *text, void *settings) {
    cvy_status status = {0};
    if (!parse(text, settings, &status))
        fail_msg("%s: %s: %s", text, status.where, status.what);
}

/* Every text is refused as `where`, and settings of `size` bytes stay what they were. */
static inline void expect_wrong_texts(text_parser *parse, size_t size, const char *where, const wrong_text *wrong,
                                      size_t count, bool whole_message) {
    void *settings = malloc(size), *before = malloc(size);
    memset(settings, 77, size);
    memset(before, 77, size);
    for (size_t i = 0; i < count; i++) {
        cvy_status status = {0};
        assert_false(parse(wrong[i].text, settings, &status));
        assert_int_equal(status.code, CVY_USAGE);
        assert_string_equal(status.where, where);
        if (whole_message ? strcmp(status.what, wrong[i].what) != 0 : !strstr(status.what, wrong[i].what))
            fail_msg("%s: \"%s\" does not say \"%s\"", wrong[i].text, status.what, wrong[i].what);
        assert_memory_equal(settings, before, size);
    }
    free(settings);
    free(before);
}

#endif
