/* The elementary functions over arrays of any length. */
#include "../contract.h"
#include <string.h>

#include "elementary.h"

#define OVER_ARRAY(function)                                                                                           \
    void KERNEL(function##_f32)(size_t count, const float *x, float *y) {                                              \
        assert(count == 0 || (cvy_is_float_aligned(x) && cvy_is_float_aligned(y)));                                    \
        size_t i = 0;                                                                                                  \
        for (; i + VL <= count; i += VL)                                                                               \
            v_storeu(y + i, v_##function(v_loadu(x + i)));                                                             \
        if (i < count) {                                                                                               \
            float rest[VL] = {0};                                                                                      \
            memcpy(rest, x + i, (count - i) * sizeof(float));                                                          \
            v_store_first(y + i, v_##function(v_loadu(rest)), (int)(count - i));                                       \
        }                                                                                                              \
    }

OVER_ARRAY(exp)
OVER_ARRAY(log)
OVER_ARRAY(tanh)
OVER_ARRAY(sigmoid)
