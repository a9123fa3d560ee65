/* How blocks are split: shares, cuts and the rule for the number of parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/model/split.h"

static void shares_are_all_and_even(void **state) {
    (void)state;
    for (int count = 1; count <= 40; count++)
        for (int cut = 1; cut <= 16; cut++)
            for (int parts = 1; parts <= CVY_SPLIT_MAX; parts++) {
                int at = 0, least = count, most = 0;
                for (int part = parts - 1; part >= 0; part--) {
                    const cvy_slice s = cvy_split_share(count, cut, part, parts);
                    assert_true(s.end >= s.first && s.first % cut == 0);
                    assert_int_equal(s.first < s.end ? s.first : at, at);
                    at = s.first < s.end ? s.end : at;
                    const int pieces = (s.end - s.first + cut - 1) / cut;
                    least = pieces < least ? pieces : least;
                    most = pieces > most ? pieces : most;
                }
                assert_int_equal(at, count);
                assert_true(most - least <= 1);
            }
}

static void what_is_not_cut_is_the_first_parts(void **state) {
    (void)state;
    for (int part = 0; part < 3; part++) {
        const cvy_slice s = cvy_split_share(7, 0, part, 3);
        assert_int_equal(s.first, 0);
        assert_int_equal(s.end, part == 0 ? 7 : 0);
    }
}

/* A plan of two pooled convolutions of so many filters and a dense layer, on 28 x 28 images. */
static void plan_of(int filters, int kernel, double meeting, cvy_plan *plan) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new("", false, &status);
    const cvy_layer layers[] = {
        {.kind = CVY_LAYER_INPUT, .output = {3, 28, 28, 1}},
        {.kind = CVY_LAYER_CONV2D,
         .units = filters,
         .kernel_size = {kernel, kernel},
         .strides = {1, 1},
         .use_bias = true,
         .activation = CVY_RELU},
        {.kind = CVY_LAYER_MAX_POOLING2D, .kernel_size = {2, 2}, .strides = {2, 2}},
        {.kind = CVY_LAYER_CONV2D,
         .units = filters,
         .kernel_size = {kernel, kernel},
         .strides = {1, 1},
         .use_bias = true,
         .activation = CVY_RELU},
        {.kind = CVY_LAYER_MAX_POOLING2D, .kernel_size = {2, 2}, .strides = {2, 2}},
        {.kind = CVY_LAYER_FLATTEN},
        {.kind = CVY_LAYER_DENSE, .units = 10, .use_bias = true, .activation = CVY_SOFTMAX},
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        assert_true(cvy_network_add(network, &layers[i], &status));
    cvy_variables variables;
    assert_true(cvy_variables_layout(network, &variables, &status));
    assert_true(cvy_plan_make_split(network, &variables, meeting, plan, &status));
    cvy_variables_free(&variables);
    cvy_network_free(network);
}

static void parts_are_as_many_as_help(void **state) {
    (void)state;
    int before = 1;
    for (int filters = 1; filters <= 64; filters *= 2) {
        cvy_plan plan;
        plan_of(filters, 5, CVY_MEETING_FLOP, &plan);
        assert_int_equal(cvy_split_parts(&plan, 1), 1);
        for (size_t threads = 2; threads <= 100; threads++) {
            assert_true(cvy_split_parts(&plan, threads) >= cvy_split_parts(&plan, threads - 1));
            assert_true(cvy_split_parts(&plan, threads) <= (int)threads);
        }
        assert_true(cvy_split_parts(&plan, 100) >= before); /* more work is for more threads */
        before = cvy_split_parts(&plan, 100);
        cvy_plan_free(&plan);
    }
    assert_true(before > 4);
}

static void a_small_network_is_not_split(void **state) {
    (void)state;
    cvy_plan plan;
    plan_of(1, 1, CVY_MEETING_FLOP, &plan);
    assert_int_equal(cvy_split_parts(&plan, 16), 1);
    cvy_plan_free(&plan);
}

/* The dense layer behind convolutions is left to one part, who meets the others once for it, the loss and its way
 * back; and what is made channel by channel stays with a part. */
static void parts_meet_no_more_than_needed(void **state) {
    (void)state;
    cvy_plan plan;
    plan_of(16, 5, CVY_MEETING_FLOP, &plan);
    assert_int_equal(plan.count, 3);
    assert_true(plan.stages[0].cut.value > 0 && plan.stages[1].cut.value > 0 && plan.stages[2].cut.value == 0);
    assert_false(cvy_split_meets_forward(&plan, 0)); /* each part has the images */
    assert_true(cvy_split_meets_forward(&plan, 1));
    assert_true(cvy_split_meets_forward(&plan, 2));
    assert_false(cvy_split_meets_loss(&plan));
    assert_false(cvy_split_meets_backward(&plan, 2) || cvy_split_meets_data(&plan, 2));
    assert_true(cvy_split_meets_backward(&plan, 1));
    assert_false(cvy_split_meets_data(&plan, 1));
    assert_false(cvy_split_meets_backward(&plan, 0)); /* the gradients of a part's own filters */
    cvy_plan_free(&plan);
    plan_of(16, 5, 1e12, &plan);
    for (int i = 0; i < plan.count; i++)
        assert_false(cvy_split_meets_forward(&plan, i) || cvy_split_meets_backward(&plan, i));
    cvy_plan_free(&plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_all_and_even),        cmocka_unit_test(what_is_not_cut_is_the_first_parts),
        cmocka_unit_test(parts_are_as_many_as_help),      cmocka_unit_test(a_small_network_is_not_split),
        cmocka_unit_test(parts_meet_no_more_than_needed),
    };
    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
