#include "safetensors.h"

#include "../base/file.h"
#include "../base/json.h"
#include "../base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the file's numbers are little-endian and are used as they are"
#endif

enum {
    LENGTH_BYTES = 8,
    HEADER_MAX = 8 << 20, /* holds 100,000 tensors; the format's own limit is 100 MB */
    TENSOR_ALIGNMENT = 64,
};

typedef struct entry {
    cvy_tensor tensor;
    size_t begin, end; /* of its data, in bytes behind the header */
} entry;

struct cvy_safetensors {
    json_t *header; /* owns the tensors' names and the metadata */
    size_t count;
    entry *entries; /* in the order of the header */
    char *data;
    char path[];
};

/* ---- The header ---------------------------------------------------------------------------------------- */

/* A non-negative JSON integer. */
static bool get_size(const json_t *value, size_t *size) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *size = (size_t)json_integer_value(value);
    return true;
}

static bool parse_dtype(const json_t *value, cvy_tensor *tensor, const char *where, cvy_status *status) {
    const char *name = json_string_value(value);
    for (int i = 0; name && i < CVY_DTYPES; i++)
        if (strcmp(name, cvy_dtype_name((cvy_dtype)i)) == 0) {
            tensor->dtype = (cvy_dtype)i;
            return true;
        }
    return cvy_fail(status, CVY_FAILED, where, "dtype is %s, expected F32, F64 or I32", name ? name : "not a string");
}

static bool parse_shape(const json_t *value, cvy_tensor *tensor, const char *where, cvy_status *status) {
    if (!json_is_array(value))
        return cvy_fail(status, CVY_FAILED, where, "shape is not an array");
    if (json_array_size(value) > CVY_TENSOR_RANK_MAX)
        return cvy_fail(status, CVY_FAILED, where, "has %zu dimensions, expected at most %d", json_array_size(value),
                        CVY_TENSOR_RANK_MAX);
    tensor->rank = (int)json_array_size(value);
    for (int i = 0; i < tensor->rank; i++)
        if (!get_size(json_array_get(value, (size_t)i), &tensor->shape[i]))
            return cvy_fail(status, CVY_FAILED, where, "shape[%d] is not a non-negative integer", i);
    return cvy_tensor_fits(tensor) || cvy_fail(status, CVY_FAILED, where, "its shape overflows");
}

/* Checks the offsets against the shape and against the length of the data. */
static bool parse_offsets(const json_t *value, entry *e, size_t length, const char *where, cvy_status *status) {
    if (json_array_size(value) != 2 || !get_size(json_array_get(value, 0), &e->begin) ||
        !get_size(json_array_get(value, 1), &e->end))
        return cvy_fail(status, CVY_FAILED, where, "data_offsets are not two non-negative integers");
    size_t bytes = cvy_tensor_bytes(&e->tensor);
    if (e->end < e->begin || e->end - e->begin != bytes)
        return cvy_fail(status, CVY_FAILED, where,
                        "data_offsets [%zu, %zu] disagree with its shape, which needs %zu bytes", e->begin, e->end,
                        bytes);
    if (e->end > length)
        return cvy_fail(status, CVY_FAILED, where, "data_offsets [%zu, %zu] run past the file's %zu bytes of data",
                        e->begin, e->end, length);
    return true;
}

static bool parse_entry(const char *path, const char *name, const json_t *object, size_t length, entry *e,
                        cvy_status *status) {
    char where[CVY_WHERE_MAX];
    cvy_tensor_where(where, path, name);
    e->tensor.name = name;
    if (json_object_size(object) != 3)
        return cvy_fail(status, CVY_FAILED, where, "its header is not an object of dtype, shape and data_offsets");
    return parse_dtype(json_object_get(object, "dtype"), &e->tensor, where, status) &&
           parse_shape(json_object_get(object, "shape"), &e->tensor, where, status) &&
           parse_offsets(json_object_get(object, "data_offsets"), e, length, where, status);
}

static bool check_metadata(const char *path, const json_t *metadata, cvy_status *status) {
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return cvy_fail(status, CVY_FAILED, path, "__metadata__ is not an object");
    json_object_foreach((json_t *)metadata, key, value) {
        if (!json_is_string(value))
            return cvy_fail(status, CVY_FAILED, path, "__metadata__ %s is not a string", key);
    }
    return true;
}

static bool parse_header(cvy_safetensors *file, size_t length, cvy_status *status) {
    const char *name;
    json_t *value;
    file->entries = cvy_allocate(json_object_size(file->header), sizeof *file->entries, file->path, status);
    if (!file->entries)
        return false;
    json_object_foreach(file->header, name, value) {
        bool good = strcmp(name, "__metadata__")
                        ? parse_entry(file->path, name, value, length, &file->entries[file->count++], status)
                        : check_metadata(file->path, value, status);
        if (!good)
            return false;
    }
    return true;
}

/* ---- The data --------------------------------------------------------------------------------------------------- */

/* By begin, then by end: an empty tensor comes before a tensor that begins at the same byte. */
static int compare_entries(const void *left, const void *right) {
    const entry *a = *(const entry *const *)left, *b = *(const entry *const *)right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

/* The format requires that the tensors fill the data without gaps or overlaps. */
static bool check_gaps(const cvy_safetensors *file, size_t length, cvy_status *status) {
    const entry **order = cvy_allocate(file->count, sizeof *order, file->path, status);
    if (!order)
        return false;
    for (size_t i = 0; i < file->count; i++)
        order[i] = &file->entries[i];
    qsort(order, file->count, sizeof *order, compare_entries);
    size_t end = 0;
    for (size_t i = 0; i < file->count && cvy_ok(status); i++) {
        const entry *e = order[i];
        char where[CVY_WHERE_MAX];
        cvy_tensor_where(where, file->path, e->tensor.name);
        if (e->begin < end)
            cvy_fail(status, CVY_FAILED, where, "its data, bytes %zu to %zu, overlaps that of tensor %s", e->begin,
                     e->end, order[i - 1]->tensor.name);
        else if (e->begin > end)
            cvy_fail(status, CVY_FAILED, where, "the %zu bytes before its data belong to no tensor", e->begin - end);
        end = e->end;
    }
    if (cvy_ok(status) && end != length)
        cvy_fail(status, CVY_FAILED, file->path, "%zu bytes follow the last tensor", length - end);
    free(order);
    return cvy_ok(status);
}

static size_t aligned_bytes(const cvy_tensor *tensor) {
    return (cvy_tensor_bytes(tensor) + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
}

/* Reads the tensors one by one: in the file they need not be aligned. */
static bool read_data(cvy_safetensors *file, const cvy_file *source, size_t start, cvy_status *status) {
    size_t total = 0;
    for (size_t i = 0; i < file->count; i++)
        total += aligned_bytes(&file->entries[i].tensor);
    file->data = cvy_allocate_unset(total, file->path, status);
    char *to = file->data;
    for (size_t i = 0; i < file->count && cvy_ok(status); i++) {
        entry *e = &file->entries[i];
        e->tensor.data = to;
        cvy_file_read(source, start + e->begin, to, e->end - e->begin, status);
        to += aligned_bytes(&e->tensor);
    }
    return cvy_ok(status);
}

/* ---- The file ------------------------------------------------------------------------------------------ */

/* Reads the header's length and text. */
static char *read_header(const cvy_file *source, size_t *length, cvy_status *status) {
    uint64_t stated;
    if (source->length < LENGTH_BYTES) {
        cvy_fail(status, CVY_FAILED, source->path, "%zu bytes, too short for a safetensors file", source->length);
        return NULL;
    }
    if (!cvy_file_read(source, 0, &stated, sizeof stated, status))
        return NULL;
    if (stated > source->length - LENGTH_BYTES || stated > HEADER_MAX) {
        cvy_fail(status, CVY_FAILED, source->path,
                 "not a safetensors file: a header of %" PRIu64 " bytes in a file of %zu", stated, source->length);
        return NULL;
    }
    *length = (size_t)stated;
    char *text = cvy_allocate_unset(*length, source->path, status);
    if (text && !cvy_file_read(source, LENGTH_BYTES, text, *length, status)) {
        free(text);
        return NULL;
    }
    return text;
}

static bool read_file(cvy_safetensors *file, const cvy_file *source, cvy_status *status) {
    size_t length;
    json_error_t error;
    char *text = read_header(source, &length, status);
    if (!text)
        return false;
    file->header = cvy_json_load(text, length, &error);
    free(text);
    if (!file->header)
        return cvy_fail(status, CVY_FAILED, file->path, "header is not valid JSON: %s (at byte %d)",
                        error.text[0] ? error.text : "out of memory", error.position);
    if (!json_is_object(file->header))
        return cvy_fail(status, CVY_FAILED, file->path, "header is not a JSON object");
    size_t start = LENGTH_BYTES + length;
    return parse_header(file, source->length - start, status) && check_gaps(file, source->length - start, status) &&
           read_data(file, source, start, status);
}

cvy_safetensors *cvy_safetensors_open(const char *path, cvy_status *status) {
    cvy_file source;
    if (!cvy_file_open(path, &source, status))
        return NULL;
    cvy_safetensors *file = cvy_allocate(1, sizeof *file + strlen(path) + 1, path, status);
    if (file) {
        strcpy(file->path, path);
        read_file(file, &source, status);
    }
    cvy_file_close(&source);
    if (cvy_ok(status))
        return file;
    cvy_safetensors_close(file);
    return NULL;
}

void cvy_safetensors_close(cvy_safetensors *file) {
    if (!file)
        return;
    json_decref(file->header);
    free(file->entries);
    free(file->data);
    free(file);
}

const cvy_tensor *cvy_safetensors_find(const cvy_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].tensor.name, name) == 0)
            return &file->entries[i].tensor;
    return NULL;
}

size_t cvy_safetensors_count(const cvy_safetensors *file) {
    return file->count;
}

const cvy_tensor *cvy_safetensors_at(const cvy_safetensors *file, size_t i) {
    return &file->entries[i].tensor;
}

const char *cvy_safetensors_path(const cvy_safetensors *file) {
    return file->path;
}

const char *cvy_safetensors_metadata(const cvy_safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}
