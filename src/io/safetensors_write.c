#include "safetensors.h"

#include "../base/memory.h"
#include "atomic_file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_ALIGNMENT = 8 };

static bool add_metadata(json_t *header, const char *path, const char *const *metadata, cvy_status *status) {
    if (!metadata || !metadata[0])
        return true;
    json_t *object = json_object();
    if (json_object_set_new(header, "__metadata__", object) < 0)
        return cvy_fail(status, CVY_FAILED, path, "out of memory for the header");
    for (size_t i = 0; metadata[i]; i += 2)
        if (json_object_get(object, metadata[i]) ||
            json_object_set_new(object, metadata[i], json_string(metadata[i + 1])))
            return cvy_fail(status, CVY_FAILED, path,
                            "cannot write the metadata %s: it is not UTF-8 or given twice, or no memory is left",
                            metadata[i]);
    return true;
}

static bool add_tensor(json_t *header, const char *path, const cvy_tensor *tensor, size_t begin, cvy_status *status) {
    char where[CVY_WHERE_MAX];
    cvy_tensor_where(where, path, tensor->name);
    if ((unsigned)tensor->dtype >= CVY_DTYPES || tensor->rank < 0 || tensor->rank > CVY_TENSOR_RANK_MAX ||
        !cvy_tensor_fits(tensor))
        return cvy_fail(status, CVY_USAGE, where, "dtype, rank or shape is not one that can be written");
    if (strcmp(tensor->name, "__metadata__") == 0 || json_object_get(header, tensor->name))
        return cvy_fail(status, CVY_USAGE, where, "the name is reserved, or given twice");
    size_t end = begin + cvy_tensor_bytes(tensor);
    json_t *shape = json_array();
    json_t *entry = json_pack("{s:s, s:O, s:[I, I]}", "dtype", cvy_dtype_name(tensor->dtype), "shape", shape,
                              "data_offsets", (json_int_t)begin, (json_int_t)end);
    for (int i = 0; i < tensor->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
    bool whole = json_array_size(shape) == (size_t)tensor->rank;
    json_decref(shape);
    if (json_object_set_new(header, tensor->name, entry) < 0 || !whole)
        return cvy_fail(status, CVY_FAILED, where,
                        "cannot write its header: the name is not UTF-8, or no memory is left");
    return true;
}

/* The header's text, padded with spaces so that the data begins at a multiple of 8. */
static char *format_header(json_t *header, const char *path, uint64_t *length, cvy_status *status) {
    size_t text = json_dumpb(header, NULL, 0, JSON_COMPACT);
    size_t padded = (text + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
    char *buffer = cvy_allocate_unset(padded, path, status);
    if (!buffer)
        return NULL;
    memset(buffer, ' ', padded);
    if (text == 0 || json_dumpb(header, buffer, text, JSON_COMPACT) != text) {
        cvy_fail(status, CVY_FAILED, path, "out of memory for the header");
        free(buffer);
        return NULL;
    }
    *length = padded;
    return buffer;
}

static char *make_header(const char *path, const cvy_tensor *tensors, size_t count, const char *const *metadata,
                         uint64_t *length, cvy_status *status) {
    json_t *header = json_object();
    char *text = NULL;
    size_t begin = 0;
    add_metadata(header, path, metadata, status);
    for (size_t i = 0; i < count && cvy_ok(status); i++)
        if (add_tensor(header, path, &tensors[i], begin, status))
            begin += cvy_tensor_bytes(&tensors[i]);
    if (cvy_ok(status))
        text = format_header(header, path, length, status);
    json_decref(header);
    return text;
}

bool cvy_safetensors_write(const char *path, const cvy_tensor *tensors, size_t count, const char *const *metadata,
                           cvy_status *status) {
    if (!cvy_ok(status))
        return false;
    uint64_t length;
    cvy_atomic_file file;
    char *header = make_header(path, tensors, count, metadata, &length, status);
    if (header && cvy_atomic_begin(path, &file, status)) {
        cvy_atomic_write(&file, &length, sizeof length, status);
        cvy_atomic_write(&file, header, (size_t)length, status);
        for (size_t i = 0; i < count; i++)
            cvy_atomic_write(&file, tensors[i].data, cvy_tensor_bytes(&tensors[i]), status);
        cvy_atomic_commit(&file, status);
    }
    free(header);
    return cvy_ok(status);
}
