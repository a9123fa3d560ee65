/* The header: "\x93NUMPY", major and minor version, its length (16 bits in version 1, 32 bits in 2 and 3,
 * little-endian), then a Python dictionary such as {'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28),
 * }, padded with spaces. */
#include "npy.h"

#include <string.h>

enum { RANK_MAX = 4 };

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
static bool find_dictionary(const uint8_t *file, size_t length, size_t *begin, size_t *end) {
    if (length < 10 || memcmp(file, "\x93NUMPY", 6) != 0 || file[6] < 1 || file[6] > 3)
        return false;
    size_t size = file[8] | (size_t)file[9] << 8;
    *begin = 10;
    if (file[6] > 1) {
        if (length < 12)
            return false;
        size |= (size_t)file[10] << 16 | (size_t)file[11] << 24;
        *begin = 12;
    }
    *end = *begin + size;
    return size <= length - *begin;
}

bool cvy_npy_parse(const char *where, uint8_t *file, size_t length, int rank, cvy_array_u8 *array, cvy_status *status) {
    size_t begin, end, elements;
    header h = {0};
    if (!find_dictionary(file, length, &begin, &end))
        return cvy_fail(status, CVY_FAILED, where, "not a whole .npy file of format version 1 to 3");
    if (!parse_dictionary((cursor){(const char *)file + begin, (const char *)file + end}, &h))
        return cvy_fail(status, CVY_FAILED, where,
                        "cannot read the .npy header: expected descr (of unsigned bytes), fortran_order and shape");
    if (strcmp(h.descr, "|u1") != 0)
        return cvy_fail(status, CVY_FAILED, where, "elements are '%s', expected '|u1' (unsigned bytes)", h.descr);
    if (h.fortran_order)
        return cvy_fail(status, CVY_FAILED, where, "is in Fortran order, expected C order");
    if (h.rank != rank)
        return cvy_fail(status, CVY_FAILED, where, "array of %s%d dimensions, expected %d",
                        h.rank > RANK_MAX ? "over " : "", h.rank > RANK_MAX ? RANK_MAX : h.rank, rank);
    if (!cvy_array_elements(where, h.shape, rank, &elements, status))
        return false;
    char text[96];
    if (elements != length - end)
        return cvy_fail(status, CVY_FAILED, where, "shape %s needs %zu bytes after the header, found %zu",
                        cvy_array_shape_text(h.shape, rank, text), elements, length - end);
    array->rank = rank;
    memcpy(array->shape, h.shape, sizeof h.shape);
    array->data = file + end;
    return true;
}
