#include "ndarray.h"

#include "../base/text.h"

#include <stdio.h>
#include <string.h>

const struct cvy_element_type cvy_element_types[CVY_ELEMENTS] = {
    [CVY_ELEMENT_U8] = {"uint8", "|u1", 1},    [CVY_ELEMENT_F32] = {"float32", "<f4", 4},
    [CVY_ELEMENT_F64] = {"float64", "<f8", 8}, [CVY_ELEMENT_BOOL] = {"bool", "|b1", 1},
    [CVY_ELEMENT_I8] = {"int8", "|i1", 1},     [CVY_ELEMENT_U16] = {"uint16", "<u2", 2},
    [CVY_ELEMENT_I16] = {"int16", "<i2", 2},   [CVY_ELEMENT_U32] = {"uint32", "<u4", 4},
    [CVY_ELEMENT_I32] = {"int32", "<i4", 4},   [CVY_ELEMENT_U64] = {"uint64", "<u8", 8},
    [CVY_ELEMENT_I64] = {"int64", "<i8", 8},
};

cvy_ndarray cvy_ndarray_of(const char *where) {
    cvy_ndarray array = {.rank = 0};
    snprintf(array.where, sizeof array.where, "%s", where);
    return array;
}

const char *cvy_ndarray_shape_text(const cvy_ndarray *array, char text[static CVY_SHAPE_TEXT_MAX]) {
    text[0] = 0;
    for (int i = 0; i < array->rank; i++)
        cvy_append(text, CVY_SHAPE_TEXT_MAX, "%s%zu", i ? " x " : "", array->shape[i]);
    return text;
}

bool cvy_ndarray_bytes(const cvy_ndarray *array, size_t *bytes, cvy_status *status) {
    char text[CVY_SHAPE_TEXT_MAX];
    bool empty = false, overflow = false;
    *bytes = cvy_element_types[array->element].size;
    for (int i = 0; i < array->rank; i++) {
        empty |= array->shape[i] == 0;
        overflow |= __builtin_mul_overflow(*bytes, array->shape[i], bytes);
    }
    if (empty)
        return cvy_fail(status, CVY_FAILED, array->where, "has no elements: its shape is %s",
                        cvy_ndarray_shape_text(array, text));
    if (overflow)
        return cvy_fail(status, CVY_FAILED, array->where, "its shape %s overflows",
                        cvy_ndarray_shape_text(array, text));
    return true;
}

size_t cvy_ndarray_elements(const cvy_ndarray *array, int from) {
    size_t elements = 1;
    for (int i = from; i < array->rank; i++)
        elements *= array->shape[i];
    return elements;
}

#define AT(type)                                                                                                       \
    {                                                                                                                  \
        type value;                                                                                                    \
        memcpy(&value, (const char *)array->data + i * sizeof value, sizeof value);                                    \
        return (double)value;                                                                                          \
    }

double cvy_ndarray_at(const cvy_ndarray *array, size_t i) {
    switch (array->element) {
    case CVY_ELEMENT_F32:
        AT(float)
    case CVY_ELEMENT_F64:
        AT(double)
    case CVY_ELEMENT_I8:
        AT(int8_t)
    case CVY_ELEMENT_U16:
        AT(uint16_t)
    case CVY_ELEMENT_I16:
        AT(int16_t)
    case CVY_ELEMENT_U32:
        AT(uint32_t)
    case CVY_ELEMENT_I32:
        AT(int32_t)
    case CVY_ELEMENT_U64:
        AT(uint64_t)
    case CVY_ELEMENT_I64:
        AT(int64_t)
    case CVY_ELEMENT_U8:
    case CVY_ELEMENT_BOOL:
    default:
        AT(uint8_t)
    }
}
