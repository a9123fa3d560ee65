/* Texts from files on their way to a terminal. */
#include "files.h"

#include "../../src/base/printable.h"

static void expect_printable(const char *text, const char *expected) {
    char copy[64];
    snprintf(copy, sizeof copy, "%s", text);
    cvy_text_make_printable(copy);
    assert_string_equal(copy, expected);
    assert_int_equal(cvy_text_unprintable(text) == NULL, strcmp(text, expected) == 0);
}

TEST(what_stays) {
    static const char *const texts[] = {"", "conv2d_1/kernel: ~ !", "Gr\u00f6\u00dfe \u00a0\u07ff",
                                        "\u0800 \u65e5\u672c \uffff", "\U00010000 \U0001f600 \U0010ffff"};
    for (size_t i = 0; i < COUNT(texts); i++)
        expect_printable(texts[i], texts[i]);
}

TEST(what_goes) {
    expect_printable("\033[2J\a\r\n\t\x7f", "?[2J?????");
    expect_printable("a\xc2\x9b"
                     "2J\xc2\x80\xc2\x9f",
                     "a??2J????"); /* C1, as UTF-8 */
    expect_printable("\x9b\x80\xff\xfe", "????");
    expect_printable("\xc3", "?");
    expect_printable("\xe6\x97", "??");
    expect_printable("\xe6\x97z", "??z");
    expect_printable("\xf0\x9f\x98", "???");
    expect_printable("\xc0\x9b \xc1\x80 \xe0\x82\x9b \xf0\x80\x82\x9b \xf5\x80\x80\x80", "?? ?? ??? ???? ????");
}

TEST(errors_are_printable) {
    cvy_status status = {0};
    cvy_fail(&status, CVY_FAILED, "\033c.safetensors", "tensor %s", "\033]0;title\a");
    expect_error(&status, CVY_FAILED, "?c.safetensors", "tensor ?]0;title?");
}

RUN_TESTS("printable", NULL, NULL)
