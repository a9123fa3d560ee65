/* Texts from files on their way to a terminal. */
#include "files.h"

#include "../../src/base/printable.h"
#include "../../src/base/refusals.h"

static void expect_printable(const char *text, const char *expected) {
    char copy[64];
    snprintf(copy, sizeof copy, "%s", text);
    cvy_text_make_printable(copy, 0);
    assert_string_equal(copy, expected);
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

TEST(control_characters) {
    static const char *const controls[] = {"\033", "\n", "\x7f", "\xc2\x80", "\xc2\x9b", "\xc2\x9f"};
    static const char *const others[] = {"", " ", "a\n", "\xc2\xa0", "\xc2", "\xff", "\xe2\x80\xae"};
    for (size_t i = 0; i < COUNT(controls); i++)
        assert_true(cvy_text_is_control(controls[i]));
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(cvy_text_is_control(others[i]));
}

TEST(errors_are_printable) {
    cvy_status status = {0};
    cvy_fail(&status, CVY_FAILED, "\033c.safetensors", "tensor %s", "\033]0;title\a");
    expect_error(&status, CVY_FAILED, "?c.safetensors", "tensor ?]0;title?");
    cvy_refusals refusals = {0};
    cvy_refuse(&refusals, "a\nb", NULL, "c\033\nd");
    cvy_refuse(&refusals, "e", NULL, "f");
    status = (cvy_status){0};
    cvy_refusals_report(&refusals, "g\n", &status);
    expect_error(&status, CVY_FAILED, "g?", "2 things are not supported:\n  a?b: c??d\n  e: f");
}

RUN_TESTS("printable", NULL, NULL)
