/* Philox4x32-10 against the known answers that its authors publish with Random123 (kat_vectors, "philox4x32 10"). */
#include "files.h"

#include "../../src/base/random.h"

/* The counter is (index low, index high, epoch, purpose), the key is the seed. */
static void expect_words(uint64_t seed, uint32_t purpose, uint32_t epoch, uint64_t index, const uint32_t expected[4]) {
    cvy_random r = cvy_random_at(seed, (cvy_purpose)purpose, epoch, index);
    for (int i = 0; i < 4; i++)
        assert_int_equal(r.u[i], expected[i]);
}

TEST(zero_counter_and_key) {
    expect_words(0, 0, 0, 0, (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
}

TEST(all_ones) {
    expect_words(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX,
                 (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
}

TEST(digits_of_pi) {
    expect_words(0x299f31d0a4093822, 0x03707344, 0x13198a2e, 0x85a308d3243f6a88,
                 (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST(each_part_of_the_key_matters) {
    cvy_random all[] = {
        cvy_random_at(1, CVY_RANDOM_INIT, 2, 3),    cvy_random_at(1 + ((uint64_t)1 << 32), CVY_RANDOM_INIT, 2, 3),
        cvy_random_at(1, CVY_RANDOM_SHUFFLE, 2, 3), cvy_random_at(1, CVY_RANDOM_INIT, 3, 3),
        cvy_random_at(1, CVY_RANDOM_INIT, 2, 4),    cvy_random_at(1, CVY_RANDOM_INIT, 2, 3 + ((uint64_t)1 << 32)),
        cvy_random_at(2, CVY_RANDOM_INIT, 2, 3),
    };
    const size_t count = COUNT(all);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(&all[i], &all[j], sizeof all[i]);
}

TEST(unit_is_in_0_1) {
    assert_true(cvy_random_unit(0) == 0.0f);
    assert_true(cvy_random_unit(0xff) == 0.0f);
    assert_true(cvy_random_unit(0x100) == 0x1p-24f);
    assert_true(cvy_random_unit(0x80000000) == 0.5f);
    assert_true(cvy_random_unit(UINT32_MAX) == 1.0f - 0x1p-24f);
}

RUN_TESTS("random", NULL, NULL)
