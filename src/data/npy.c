/* The header: "\x93NUMPY", major and minor version, its length (16 bits in version 1, 32 bits in 2 and 3,
 * little-endian), then a Python dictionary such as {'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28),
 * }, padded with spaces. */
#include "npy.h"

#include "../base/file.h"
#include "../base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { RANK_MAX = CVY_NDARRAY_RANK_MAX };

/* The rest of the dictionary. The functions below take a token off its front, or return false and take nothing. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_space(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n'))
        c->at++;
}

static bool take(cursor *c, const char *word) {
    skip_space(c);
    size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A string without escapes, in single or double quotes. */
static bool take_string(cursor *c, char *text, size_t size) {
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    const char *begin = c->at + 1, *end = memchr(begin, *c->at, (size_t)(c->end - begin));
    if (!end || (size_t)(end - begin) >= size || memchr(begin, '\\', (size_t)(end - begin)))
        return false;
    memcpy(text, begin, (size_t)(end - begin));
    text[end - begin] = 0;
    c->at = end + 1;
    return true;
}

static bool take_number(cursor *c, size_t *number) {
    skip_space(c);
    const char *begin = c->at;
    size_t value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (size_t)(*c->at - '0'), &value)) {
            c->at = begin;
            return false;
        }
    *number = value;
    return c->at > begin;
}

typedef struct header {
    bool has_descr, has_order, has_shape;
    char descr[16];
    bool fortran_order;
    int rank; /* RANK_MAX + 1 stands for more */
    size_t shape[RANK_MAX];
} header;

/* A tuple: "()", "(3,)", "(3, 4)". A trailing comma is allowed; a single number needs it. */
static bool take_shape(cursor *c, header *h) {
    bool comma = true;
    if (!take(c, "("))
        return false;
    while (!take(c, ")")) {
        size_t number;
        if (!comma || !take_number(c, &number))
            return false;
        if (h->rank < RANK_MAX)
            h->shape[h->rank] = number;
        if (h->rank <= RANK_MAX)
            h->rank++;
        comma = take(c, ",");
    }
    return h->rank != 1 || comma;
}

static bool take_entry(cursor *c, header *h) {
    char key[16];
    if (!take_string(c, key, sizeof key) || !take(c, ":"))
        return false;
    if (strcmp(key, "descr") == 0 && !h->has_descr)
        return h->has_descr = take_string(c, h->descr, sizeof h->descr);
    if (strcmp(key, "fortran_order") == 0 && !h->has_order) {
        h->fortran_order = take(c, "True");
        return h->has_order = h->fortran_order || take(c, "False");
    }
    if (strcmp(key, "shape") == 0 && !h->has_shape)
        return h->has_shape = take_shape(c, h);
    return false;
}

static bool parse_dictionary(cursor c, header *h) {
    bool comma = true;
    if (!take(&c, "{"))
        return false;
    while (!take(&c, "}")) {
        if (!comma || !take_entry(&c, h))
            return false;
        comma = take(&c, ",");
    }
    skip_space(&c);
    return c.at == c.end && h->has_descr && h->has_order && h->has_shape;
}

/* The place of the dictionary. False if the file is no .npy, or ends before the dictionary does. */
static bool find_dictionary(const uint8_t *head, size_t count, size_t *begin, size_t *end) {
    if (count < 10 || memcmp(head, "\x93NUMPY", 6) != 0 || head[6] < 1 || head[6] > 3)
        return false;
    size_t size = head[8] | (size_t)head[9] << 8;
    *begin = 10;
    if (head[6] > 1) {
        if (count < 12)
            return false;
        size |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
        *begin = 12;
    }
    *end = *begin + size;
    return size <= count - *begin;
}

static bool take_type(const char *descr, cvy_ndarray *array, cvy_status *status) {
    for (int i = 0; i < CVY_ELEMENTS; i++)
        if (strcmp(descr, cvy_element_types[i].descr) == 0) {
            array->element = (cvy_element)i;
            return true;
        }
    if (descr[0] == '>')
        return cvy_fail(
            status, CVY_FAILED, array->where,
            "elements are '%s', big-endian, expected little-endian; NumPy's x.astype(\"<%s\") converts them", descr,
            descr + 1);
    return cvy_fail(status, CVY_FAILED, array->where,
                    "elements are '%s', expected uint8, float32 or float64, or for labels any integer type; NumPy's "
                    "x.astype(\"float32\") converts numbers",
                    descr);
}

size_t cvy_npy_parse(const uint8_t *head, size_t count, uint64_t length, cvy_ndarray *array, cvy_status *status) {
    const char *where = array->where;
    size_t begin, end, bytes;
    header h = {0};
    if (!find_dictionary(head, count, &begin, &end))
        return cvy_fail(status, CVY_FAILED, where, "not a whole .npy file of format version 1 to 3");
    if (!parse_dictionary((cursor){(const char *)head + begin, (const char *)head + end}, &h))
        return cvy_fail(status, CVY_FAILED, where,
                        "cannot read the .npy header: expected descr (a number's), fortran_order and shape");
    if (!take_type(h.descr, array, status))
        return 0;
    if (h.rank < 1 || h.rank > RANK_MAX)
        return cvy_fail(status, CVY_FAILED, where, "array of %s%d dimensions, expected 1 to %d",
                        h.rank > RANK_MAX ? "over " : "", h.rank > RANK_MAX ? RANK_MAX : h.rank, RANK_MAX);
    if (h.fortran_order)
        return cvy_fail(status, CVY_FAILED, where,
                        "is in Fortran order, expected C order; NumPy's ascontiguousarray(x) converts it");
    array->rank = h.rank;
    memcpy(array->shape, h.shape, sizeof h.shape);
    if (!cvy_ndarray_bytes(array, &bytes, status))
        return 0;
    char text[CVY_SHAPE_TEXT_MAX];
    if (bytes != length - end)
        return cvy_fail(status, CVY_FAILED, where, "shape %s of %s needs %zu bytes after the header, found %zu",
                        cvy_ndarray_shape_text(array, text), cvy_element_types[array->element].name, bytes,
                        (size_t)(length - end));
    return end;
}

static bool read_elements(const cvy_file *file, cvy_ndarray *array, cvy_status *status) {
    size_t count = file->length < CVY_NPY_HEAD_MAX ? file->length : CVY_NPY_HEAD_MAX;
    uint8_t head[CVY_NPY_HEAD_MAX];
    size_t begin =
        cvy_file_read(file, 0, head, count, status) ? cvy_npy_parse(head, count, file->length, array, status) : 0;
    if (!begin)
        return false;
    array->owned = array->data = cvy_allocate_unset(file->length - begin, file->path, status);
    return array->owned && cvy_file_read(file, begin, array->data, file->length - begin, status);
}

bool cvy_npy_read(const char *path, cvy_ndarray *array, cvy_status *status) {
    *array = cvy_ndarray_of(path);
    cvy_file file;
    if (!cvy_file_open(path, &file, status))
        return false;
    bool done = read_elements(&file, array, status);
    cvy_file_close(&file);
    if (!done) {
        free(array->owned);
        *array = cvy_ndarray_of(path);
    }
    return done;
}
