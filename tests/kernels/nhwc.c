#include "nhwc.h"

#include <math.h>

int32_t nhwc_count_at(size_t i, check_step step, bool sums_images) {
    static const int32_t counts[] = {16, 1, 2, 3, 16, 4, 5, 8, 9, 12, 15, 7, 1};
    return step == CHECK_SPECIAL && sums_images ? 16 : counts[i % (sizeof counts / sizeof *counts)];
}

static size_t floats_of(nhwc_rows r) {
    return (size_t)r.count * r.row;
}

float *nhwc_input(check *c, const char *name, nhwc_rows r) {
    float *floats = check_input_nhwc(c, name, floats_of(r));
    for (size_t i = 0; i < floats_of(r); i++)
        if (i % r.row >= r.elements)
            floats[i] = NAN;
    return floats;
}

float *nhwc_to_block(check *c, nhwc_rows r, const float *floats) {
    float *block = nhwc_block_for(c, r.elements);
    for (size_t i = 0; i < r.elements; i++)
        for (int32_t l = 0; l < CVY_LANES; l++)
            block[i * CVY_LANES + (size_t)l] = l < r.count ? floats[(size_t)l * r.row + i] : 0;
    return block;
}

float *nhwc_block_for(check *c, size_t elements) {
    return check_scratch(c, "block", elements * CVY_LANES);
}

oracle_value *nhwc_values_for(check *c, size_t elements) {
    return check_memory(c, elements * CVY_LANES * sizeof(oracle_value));
}

float *nhwc_from_block(check *c, nhwc_rows r, const float *block) {
    float *floats = check_memory(c, floats_of(r) * sizeof *floats);
    for (size_t i = 0; i < r.elements; i++)
        for (int32_t l = 0; l < r.count; l++)
            floats[(size_t)l * r.row + i] = block[i * CVY_LANES + (size_t)l];
    return floats;
}

oracle_value *nhwc_values_from_block(check *c, nhwc_rows r, const oracle_value *block) {
    oracle_value *floats = check_memory(c, floats_of(r) * sizeof *floats);
    for (size_t i = 0; i < r.elements; i++)
        for (int32_t l = 0; l < r.count; l++)
            floats[(size_t)l * r.row + i] = block[i * CVY_LANES + (size_t)l];
    return floats;
}
