/* Between NHWC and blocks, for the tests of operations in NHWC. What is expected there comes from HWC16N, as their
 * contract says: the inputs are turned to a block, the results of the oracle and of the scalar HWC16N kernel are turned
 * back, and the bits of both must come out. */
#ifndef CVY_TESTS_NHWC_H
#define CVY_TESTS_NHWC_H

#include "check.h"

/* `count` images or rows of `elements` floats, one `row` floats behind the other; row > elements for vectors only. */
typedef struct nhwc_rows {
    int32_t count;
    size_t elements, row;
} nhwc_rows;

static inline nhwc_rows nhwc_images(int32_t count, size_t elements) {
    return (nhwc_rows){count, elements, elements};
}

/* How many images: all there can be, one, and every tail. Weight gradients of dense layers of fewer than 16 differ from
 * HWC16N's where an underflow has left -0, to which HWC16N adds the zeros of the other lanes: so the special step of
 * what sums over images has 16. */
int32_t nhwc_count_at(size_t i, check_step step, bool sums_images);

/* An input, the rest of its rows NaN: a kernel that uses that is found out. */
float *nhwc_input(check *c, const char *name, nhwc_rows r);

/* [elements][16] from rows; +0 in the lanes beyond. For use before the tiers run. */
float *nhwc_to_block(check *c, nhwc_rows r, const float *floats);

/* Room for the results of a HWC16N kernel. For use before the tiers run. */
float *nhwc_block_for(check *c, size_t elements);
oracle_value *nhwc_values_for(check *c, size_t elements);

/* Rows from a block; +0 in the rest of each. */
float *nhwc_from_block(check *c, nhwc_rows r, const float *block);
oracle_value *nhwc_values_from_block(check *c, nhwc_rows r, const oracle_value *block);

#endif
