/* The elementary functions over arrays of any length. The FMA pipes bound long arrays, their latency short ones. */
#include "elementary.h"
#include "tier.h"

#define OVER_ARRAY(function)                                                                                           \
    void KERNEL(function##_f32)(size_t count, const float *x, float *y) {                                              \
        assert(cvy_is_array(count, x) && cvy_is_array(count, y));                                                      \
        size_t i = 0;                                                                                                  \
        for (; i + VL <= count; i += VL)                                                                               \
            v_storeu(y + i, v_##function(v_loadu(x + i)));                                                             \
        const int rest = (int)(count - i);                                                                             \
        if (rest > 0)                                                                                                  \
            v_store_first(y + i, v_##function(v_load_first(x + i, rest)), rest);                                       \
    }

OVER_ARRAY(exp)
OVER_ARRAY(log)
OVER_ARRAY(tanh)
OVER_ARRAY(sigmoid)
