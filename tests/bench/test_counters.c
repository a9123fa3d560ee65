/* The processor's counters are read where the kernel allows it; where not, there is a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bench/counters.h"

/* Counters that were reported with a run. */
static int reported;

void bench_count_all(bench_state *state, const char *name, double sum) {
    (void)state;
    assert_string_equal(name, bench_counter_names[reported++]);
    assert_true(sum >= 0);
}

enum { TURNS = 100000 };

static void work(void) {
    for (volatile int i = 0; i < TURNS; i++)
        ;
}

static void counts_what_runs(void **state) {
    (void)state;
    char why[128] = "";
    uint64_t counts[BENCH_COUNTERS];
    if (!bench_counters_open(why, sizeof why)) {
        assert_true(strlen(why) > 10);
        print_message("# not counted: %s\n", why);
        return;
    }
    bench_counters_reset();
    bench_counters_resume();
    work();
    bench_counters_pause();
    work();
    assert_true(bench_counters_read(counts));
    assert_true(counts[0] > 0);
    assert_in_range(counts[1], 2 * TURNS, 40 * TURNS); /* instructions of one loop, not of both or none */
    bench_counters_report(NULL);
    assert_int_equal(reported, BENCH_COUNTERS);
    bench_counters_close();
}

static void closed_counters_count_nothing(void **state) {
    (void)state;
    uint64_t counts[BENCH_COUNTERS];
    bench_counters_close();
    reported = 0;
    bench_counters_reset();
    bench_counters_resume();
    work();
    bench_counters_pause();
    assert_false(bench_counters_read(counts));
    bench_counters_report(NULL);
    assert_int_equal(reported, 0);
}

static void a_word_that_does_not_fit_is_cut(void **state) {
    (void)state;
    char why[8];
    memset(why, 'x', sizeof why);
    if (!bench_counters_open(why, sizeof why))
        assert_int_equal(strlen(why), sizeof why - 1);
    bench_counters_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_runs),
        cmocka_unit_test(closed_counters_count_nothing),
        cmocka_unit_test(a_word_that_does_not_fit_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
