/* cmocka and the headers that it asks for, and tests that list themselves:
 *
 *     TEST(what_holds) {
 *         assert_true(...);
 *     }
 *     RUN_TESTS("subject", NULL, NULL)
 *
 * RUN_TESTS is the program: it runs the file's tests in their order, between a set-up and a tear-down. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

/* ThreadSanitizer follows neither threads of a forked process nor GNU's OpenMP. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#endif
#endif
#ifndef UNDER_THREAD_SANITIZER
#define UNDER_THREAD_SANITIZER 0
#endif

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct CMUnitTest suite[64]; /* cmocka passes over what is left empty */
static size_t suite_count;

static inline void suite_add(const char *name, CMUnitTestFunction function) {
    if (suite_count == COUNT(suite))
        abort();
    suite[suite_count++] = (struct CMUnitTest){.name = name, .test_func = function};
}

#define TEST(name)                                                                                                     \
    static void name(void **state);                                                                                    \
    __attribute__((constructor)) static void add_##name(void) {                                                        \
        suite_add(#name, name);                                                                                        \
    }                                                                                                                  \
    static void name(void **state __attribute__((unused)))

#define RUN_TESTS(name, set_up, tear_down)                                                                             \
    int main(void) {                                                                                                   \
        return cmocka_run_group_tests_name(name, suite, set_up, tear_down);                                            \
    }

#endif
