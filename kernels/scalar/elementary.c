/* The elementary functions over arrays of any length. */
#include "../contract.h"
#include "vec.h"

#include "../vector/elementary.h"

void cvy_exp_f32_scalar(size_t count, const float *x, float *y) {
    assert(cvy_is_array(count, x) && cvy_is_array(count, y));
    for (size_t i = 0; i < count; i++)
        y[i] = v_exp(x[i]);
}

void cvy_log_f32_scalar(size_t count, const float *x, float *y) {
    assert(cvy_is_array(count, x) && cvy_is_array(count, y));
    for (size_t i = 0; i < count; i++)
        y[i] = v_log(x[i]);
}

void cvy_tanh_f32_scalar(size_t count, const float *x, float *y) {
    assert(cvy_is_array(count, x) && cvy_is_array(count, y));
    for (size_t i = 0; i < count; i++)
        y[i] = v_tanh(x[i]);
}

void cvy_sigmoid_f32_scalar(size_t count, const float *x, float *y) {
    assert(cvy_is_array(count, x) && cvy_is_array(count, y));
    for (size_t i = 0; i < count; i++)
        y[i] = v_sigmoid(x[i]);
}
