#include "safetensors.h"

#include "../base/file.h"
#include "../base/memory.h"
#include "atomic_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the file's numbers are little-endian and are used as they are"
#endif

enum {
    RANK_MAX = 4,
    LENGTH_BYTES = 8,
    HEADER_ALIGNMENT = 8,
    TENSOR_ALIGNMENT = 64,
    HEADER_MAX = 100000000, /* the format's own limit */
    WHERE_SIZE = sizeof((cvy_status){0}.where),
};

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {[CVY_F32] = {"F32", 4}, [CVY_F64] = {"F64", 8}, [CVY_I32] = {"I32", 4}};

enum { DTYPES = sizeof dtypes / sizeof *dtypes };

struct cvy_safetensors {
    char *path;
    json_t *header; /* owns the tensors' names and the metadata */
    size_t count;
    cvy_tensor *tensors;
    size_t *begins; /* of each tensor's data, in bytes from the end of the header */
    char *data;
};

size_t cvy_tensor_elements(const cvy_tensor *tensor) {
    size_t elements = 1;
    for (int i = 0; i < tensor->rank; i++)
        elements *= tensor->shape[i];
    return elements;
}

static size_t tensor_bytes(const cvy_tensor *tensor) {
    return cvy_tensor_elements(tensor) * dtypes[tensor->dtype].bytes;
}

/* Whether the size in bytes can be computed: the product of the shape, as if no extent were zero, must fit. */
static bool size_fits(const cvy_tensor *tensor) {
    size_t bytes = dtypes[tensor->dtype].bytes;
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(bytes, tensor->shape[i] ? tensor->shape[i] : 1, &bytes))
            return false;
    return bytes <= PTRDIFF_MAX;
}

/* ---- Reading: the header ---------------------------------------------------------------------------------------- */

/* A non-negative JSON integer. */
static bool get_size(const json_t *value, size_t *size) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *size = (size_t)json_integer_value(value);
    return true;
}

static bool parse_dtype(const json_t *value, cvy_tensor *tensor, const char *where, cvy_status *status) {
    const char *name = json_string_value(value);
    for (int i = 0; name && i < DTYPES; i++)
        if (strcmp(name, dtypes[i].name) == 0) {
            tensor->dtype = (cvy_dtype)i;
            return true;
        }
    return cvy_fail(status, CVY_FAILED, where, "dtype is %s, expected F32, F64 or I32", name ? name : "not a string");
}

static bool parse_shape(const json_t *value, cvy_tensor *tensor, const char *where, cvy_status *status) {
    if (!json_is_array(value))
        return cvy_fail(status, CVY_FAILED, where, "shape is not an array");
    if (json_array_size(value) > RANK_MAX)
        return cvy_fail(status, CVY_FAILED, where, "has %zu dimensions, expected at most %d", json_array_size(value),
                        RANK_MAX);
    tensor->rank = (int)json_array_size(value);
    for (int i = 0; i < tensor->rank; i++)
        if (!get_size(json_array_get(value, (size_t)i), &tensor->shape[i]))
            return cvy_fail(status, CVY_FAILED, where, "shape[%d] is not a non-negative integer", i);
    return size_fits(tensor) || cvy_fail(status, CVY_FAILED, where, "its shape overflows");
}

/* Checks the offsets against the shape and against the length of the data. */
static bool parse_offsets(const json_t *value, const cvy_tensor *tensor, size_t length, size_t *begin,
                          const char *where, cvy_status *status) {
    size_t end;
    if (json_array_size(value) != 2 || !get_size(json_array_get(value, 0), begin) ||
        !get_size(json_array_get(value, 1), &end))
        return cvy_fail(status, CVY_FAILED, where, "data_offsets are not two non-negative integers");
    if (end < *begin || end - *begin != tensor_bytes(tensor))
        return cvy_fail(status, CVY_FAILED, where,
                        "data_offsets [%zu, %zu] disagree with its shape, which needs %zu bytes", *begin, end,
                        tensor_bytes(tensor));
    if (end > length)
        return cvy_fail(status, CVY_FAILED, where, "data_offsets [%zu, %zu] run past the file's %zu bytes of data",
                        *begin, end, length);
    return true;
}

static void name_tensor(char where[static WHERE_SIZE], const char *path, const char *tensor) {
    snprintf(where, WHERE_SIZE, "%s: tensor %s", path, tensor);
}

static bool parse_tensor(const char *path, const char *name, const json_t *entry, size_t length, cvy_tensor *tensor,
                         size_t *begin, cvy_status *status) {
    char where[WHERE_SIZE];
    name_tensor(where, path, name);
    tensor->name = name;
    if (json_object_size(entry) != 3)
        return cvy_fail(status, CVY_FAILED, where, "its header is not an object of dtype, shape and data_offsets");
    return parse_dtype(json_object_get(entry, "dtype"), tensor, where, status) &&
           parse_shape(json_object_get(entry, "shape"), tensor, where, status) &&
           parse_offsets(json_object_get(entry, "data_offsets"), tensor, length, begin, where, status);
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
    json_t *entry;
    file->tensors = cvy_allocate(json_object_size(file->header), sizeof *file->tensors, file->path, status);
    file->begins = cvy_allocate(json_object_size(file->header), sizeof *file->begins, file->path, status);
    if (!cvy_ok(status))
        return false;
    json_object_foreach(file->header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) {
            if (!check_metadata(file->path, entry, status))
                return false;
            continue;
        }
        if (!parse_tensor(file->path, name, entry, length, &file->tensors[file->count], &file->begins[file->count],
                          status))
            return false;
        file->count++;
    }
    return true;
}

/* ---- Reading: the data ------------------------------------------------------------------------------------------ */

typedef struct extent {
    size_t begin, end, tensor;
} extent;

/* By begin, then by end: an empty tensor comes before the one that begins where it stands. */
static int compare_extents(const void *left, const void *right) {
    const extent *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

/* The format wants the tensors to cover the data exactly: neither gaps nor overlaps. */
static bool check_cover(const cvy_safetensors *file, size_t length, cvy_status *status) {
    extent *extents = cvy_allocate(file->count, sizeof *extents, file->path, status);
    if (!extents)
        return false;
    for (size_t i = 0; i < file->count; i++)
        extents[i] = (extent){file->begins[i], file->begins[i] + tensor_bytes(&file->tensors[i]), i};
    qsort(extents, file->count, sizeof *extents, compare_extents);
    size_t end = 0;
    for (size_t i = 0; i < file->count && cvy_ok(status); i++) {
        const char *name = file->tensors[extents[i].tensor].name;
        char where[WHERE_SIZE];
        name_tensor(where, file->path, name);
        if (extents[i].begin < end)
            cvy_fail(status, CVY_FAILED, where, "its data, bytes %zu to %zu, overlaps that of tensor %s",
                     extents[i].begin, extents[i].end, file->tensors[extents[i - 1].tensor].name);
        else if (extents[i].begin > end)
            cvy_fail(status, CVY_FAILED, where, "the %zu bytes before its data belong to no tensor",
                     extents[i].begin - end);
        end = extents[i].end;
    }
    if (cvy_ok(status) && end != length)
        cvy_fail(status, CVY_FAILED, file->path, "%zu bytes follow the last tensor", length - end);
    free(extents);
    return cvy_ok(status);
}

/* Each tensor goes to a place of its own, so that its alignment does not depend on what is before it in the file. */
static bool read_data(cvy_safetensors *file, const cvy_file *source, size_t start, cvy_status *status) {
    size_t total = 0;
    for (size_t i = 0; i < file->count; i++)
        total += (tensor_bytes(&file->tensors[i]) + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
    file->data = cvy_allocate_unset(total, file->path, status);
    size_t at = 0;
    for (size_t i = 0; i < file->count && cvy_ok(status); i++) {
        size_t bytes = tensor_bytes(&file->tensors[i]);
        file->tensors[i].data = file->data + at;
        cvy_file_read(source, start + file->begins[i], file->data + at, bytes, status);
        at += (bytes + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
    }
    return cvy_ok(status);
}

/* ---- Reading: the file ------------------------------------------------------------------------------------------ */

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
    file->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!file->header)
        return cvy_fail(status, CVY_FAILED, file->path, "header is not valid JSON: %s (at byte %d)",
                        error.text[0] ? error.text : "out of memory", error.position);
    if (!json_is_object(file->header))
        return cvy_fail(status, CVY_FAILED, file->path, "header is not a JSON object");
    size_t start = LENGTH_BYTES + length;
    return parse_header(file, source->length - start, status) && check_cover(file, source->length - start, status) &&
           read_data(file, source, start, status);
}

cvy_safetensors *cvy_safetensors_open(const char *path, cvy_status *status) {
    cvy_file source;
    if (!cvy_file_open(path, &source, status))
        return NULL;
    cvy_safetensors *file = cvy_allocate(1, sizeof *file, path, status);
    if (file) {
        file->path = strdup(path);
        if (!file->path)
            cvy_fail_memory(status, path, strlen(path) + 1);
        else
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
    free(file->path);
    free(file->tensors);
    free(file->begins);
    free(file->data);
    free(file);
}

const cvy_tensor *cvy_safetensors_find(const cvy_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

size_t cvy_safetensors_count(const cvy_safetensors *file) {
    return file->count;
}

const cvy_tensor *cvy_safetensors_at(const cvy_safetensors *file, size_t i) {
    return &file->tensors[i];
}

const char *cvy_safetensors_path(const cvy_safetensors *file) {
    return file->path;
}

const char *cvy_safetensors_metadata(const cvy_safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

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
    char where[WHERE_SIZE];
    name_tensor(where, path, tensor->name);
    if ((unsigned)tensor->dtype >= DTYPES || tensor->rank < 0 || tensor->rank > RANK_MAX || !size_fits(tensor))
        return cvy_fail(status, CVY_USAGE, where, "dtype, rank or shape is not one that can be written");
    if (strcmp(tensor->name, "__metadata__") == 0 || json_object_get(header, tensor->name))
        return cvy_fail(status, CVY_USAGE, where, "the name is reserved, or given twice");
    size_t end = begin + tensor_bytes(tensor);
    json_t *shape = json_array();
    json_t *entry = json_pack("{s:s, s:O, s:[I, I]}", "dtype", dtypes[tensor->dtype].name, "shape", shape,
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
            begin += tensor_bytes(&tensors[i]);
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
            cvy_atomic_write(&file, tensors[i].data, tensor_bytes(&tensors[i]), status);
        cvy_atomic_commit(&file, status);
    }
    free(header);
    return cvy_ok(status);
}
