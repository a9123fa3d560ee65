/* HDF5 File Format Specification 2.0: object headers (IV.A.1), the messages Dataspace, Datatype and Attribute (IV.A.2),
 * the global heap (III.E). */
#include "attributes.h"

#include <string.h>

/* The rest of a part of the file. The functions below take bytes off its front, or return false. */
typedef struct cursor {
    const unsigned char *at, *end;
} cursor;

static bool take(cursor *c, size_t count, const unsigned char **bytes) {
    if ((size_t)(c->end - c->at) < count)
        return false;
    *bytes = c->at;
    c->at += count;
    return true;
}

/* A little-endian number. */
static uint64_t number_at(const unsigned char *bytes, size_t size) {
    uint64_t value = 0;
    while (size--)
        value = value << 8 | bytes[size];
    return value;
}

static bool take_number(cursor *c, size_t size, uint64_t *number) {
    const unsigned char *bytes;
    if (!take(c, size, &bytes))
        return false;
    *number = number_at(bytes, size);
    return true;
}

/* The part of that length at that address. */
static bool part_of(const cvy_hdf5_image *file, uint64_t address, uint64_t length, cursor *part) {
    if (address > file->count || length > file->count - address)
        return false;
    *part = (cursor){file->bytes + address, file->bytes + address + length};
    return true;
}

/* ---- An attribute ----------------------------------------------------------------------------------------------- */

/* Texts of fixed length, or of variable length; all else is passed over. */
static bool parse_type(cursor c, cvy_hdf5_attribute *attribute) {
    enum { STRING = 3, VARIABLE = 9 };
    uint64_t class_and_version, bits, size;
    if (!take_number(&c, 1, &class_and_version) || !take_number(&c, 3, &bits) || !take_number(&c, 4, &size))
        return false;
    unsigned kind = class_and_version & 15;
    attribute->variable = kind == VARIABLE;
    attribute->texts = kind == STRING || (kind == VARIABLE && (bits & 15) == 1);
    attribute->element = (size_t)size;
    return size > 0;
}

/* One value, or an array of one dimension; of arrays of more, none. */
static bool parse_space(cursor c, cvy_hdf5_attribute *attribute) {
    const unsigned char *rest;
    uint64_t version, rank, flags, kind, count = 1;
    if (!take_number(&c, 1, &version) || !take_number(&c, 1, &rank) || !take_number(&c, 1, &flags) ||
        !take_number(&c, 1, &kind) || version < 1 || version > 2 || (version == 1 && !take(&c, 4, &rest)))
        return false;
    bool null = version == 2 && kind == 2;
    if (rank == 1 && !take_number(&c, 8, &count))
        return false;
    attribute->texts = attribute->texts && rank <= 1 && !null;
    attribute->array = rank == 1;
    attribute->count = (size_t)count;
    /* h5py writes an empty list as an empty array of numbers. */
    if (rank == 1 && !count)
        attribute->texts = true;
    return true;
}

static bool parse_attribute(cursor c, cvy_hdf5_attribute *attribute) {
    const unsigned char *name, *type, *space, *charset;
    uint64_t version, flags, sizes[3];
    if (!take_number(&c, 1, &version) || !take_number(&c, 1, &flags) || version < 1 || version > 3)
        return false;
    /* The flags of version 1 are reserved; later they say that a type or space is stored elsewhere. */
    if (version > 1 && flags)
        return false;
    for (int i = 0; i < 3; i++)
        if (!take_number(&c, 2, &sizes[i]))
            return false;
    if (version == 3 && !take(&c, 1, &charset))
        return false;
    uint64_t unit = version == 1 ? 8 : 1;
    if (!take(&c, (size_t)((sizes[0] + unit - 1) / unit * unit), &name) ||
        !take(&c, (size_t)((sizes[1] + unit - 1) / unit * unit), &type) ||
        !take(&c, (size_t)((sizes[2] + unit - 1) / unit * unit), &space) || !memchr(name, 0, (size_t)sizes[0]))
        return false;
    attribute->name = (const char *)name;
    if (!parse_type((cursor){type, type + sizes[1]}, attribute) ||
        !parse_space((cursor){space, space + sizes[2]}, attribute))
        return false;
    attribute->values = c.at;
    return !attribute->texts || attribute->count <= (size_t)(c.end - c.at) / attribute->element;
}

/* ---- An object's header ----------------------------------------------------------------------------------------- */

typedef struct header {
    const cvy_hdf5_image *file;
    bool old;        /* version 1; else 2 */
    size_t prefix;   /* of a message: type, size, flags, and what follows */
    unsigned blocks; /* read so far */
    cvy_hdf5_visit *visit;
    void *user;
} header;

static bool read_messages(header *h, cursor c);

static bool continue_at(header *h, cursor c) {
    enum { SIGNATURE = 4, CHECKSUM = 4, BLOCKS_MAX = 256 };
    uint64_t address, length;
    cursor block;
    if (!take_number(&c, 8, &address) || !take_number(&c, 8, &length) || !part_of(h->file, address, length, &block) ||
        ++h->blocks > BLOCKS_MAX)
        return false;
    if (!h->old) {
        if (length < SIGNATURE + CHECKSUM || memcmp(block.at, "OCHK", SIGNATURE) != 0)
            return false;
        block.at += SIGNATURE;
        block.end -= CHECKSUM;
    }
    return read_messages(h, block);
}

static bool read_message(header *h, uint64_t type, uint64_t flags, cursor data) {
    enum { ATTRIBUTE = 0x0c, CONTINUATION = 0x10, SHARED = 2 };
    cvy_hdf5_attribute attribute;
    if (type == CONTINUATION)
        return continue_at(h, data);
    if (type != ATTRIBUTE)
        return true;
    return !(flags & SHARED) && parse_attribute(data, &attribute) && h->visit(&attribute, h->user);
}

static bool read_messages(header *h, cursor c) {
    while ((size_t)(c.end - c.at) >= h->prefix) {
        const unsigned char *prefix, *data;
        if (!take(&c, h->prefix, &prefix))
            return false;
        size_t type = h->old ? 2 : 1; /* bytes */
        size_t size = (size_t)number_at(prefix + type, 2);
        if (!take(&c, size, &data) ||
            !read_message(h, number_at(prefix, type), prefix[type + 2], (cursor){data, data + size}))
            return false;
    }
    return true;
}

/* Version, a reserved byte, the number of messages, the references, the size of the messages, padding. */
static bool read_old(header *h, cursor c) {
    const unsigned char *b;
    h->old = true;
    h->prefix = 8;
    if (!take(&c, 16, &b) || b[0] != 1)
        return false;
    uint64_t size = number_at(b + 8, 4);
    return size <= (size_t)(c.end - c.at) && read_messages(h, (cursor){c.at, c.at + size});
}

/* Signature, version, flags, perhaps times and attribute limits, the size of the messages. */
static bool read_new(header *h, cursor c) {
    const unsigned char *b, *skipped;
    uint64_t size;
    if (!take(&c, 6, &b) || memcmp(b, "OHDR\2", 5) != 0)
        return false;
    unsigned flags = b[5];
    h->prefix = flags & 4 ? 6 : 4; /* the order in which attributes were made */
    return take(&c, (flags & 32 ? 16u : 0u) + (flags & 16 ? 4u : 0u), &skipped) &&
           take_number(&c, (size_t)1 << (flags & 3), &size) && size <= (size_t)(c.end - c.at) &&
           read_messages(h, (cursor){c.at, c.at + size});
}

bool cvy_hdf5_attributes(const cvy_hdf5_image *file, uint64_t address, cvy_hdf5_visit *visit, void *user) {
    header h = {.file = file, .visit = visit, .user = user};
    cursor rest;
    if (!part_of(file, address, address < file->count ? file->count - address : 0, &rest) || rest.at == rest.end)
        return false;
    return *rest.at == 'O' ? read_new(&h, rest) : read_old(&h, rest);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

/* Object `index` of the collection at an address. */
static bool find_in_heap(const cvy_hdf5_image *file, uint64_t address, uint64_t index, cursor *object) {
    enum { HEADER = 16 };
    cursor c;
    const unsigned char *b;
    if (!part_of(file, address, HEADER, &c) || memcmp(c.at, "GCOL\1", 5) != 0 ||
        !part_of(file, address, number_at(c.at + 8, 8), &c) || !take(&c, HEADER, &b))
        return false;
    while (take(&c, 16, &b)) { /* index, references, 4 bytes unused, size */
        uint64_t found = number_at(b, 2), size = number_at(b + 8, 8);
        if (!found || size > (size_t)(c.end - c.at)) /* object 0 is the free space at the end */
            return false;
        *object = (cursor){c.at, c.at + size};
        if (found == index)
            return true;
        if (!take(&c, (size_t)((size + 7) / 8 * 8), &b))
            return false;
    }
    return false;
}

bool cvy_hdf5_text(const cvy_hdf5_image *file, const cvy_hdf5_attribute *attribute, size_t i, const char **text,
                   size_t *length) {
    const unsigned char *value = attribute->values + i * attribute->element;
    cursor object = {value, value + attribute->element};
    if (attribute->variable) {
        if (attribute->element != 16)
            return false;
        uint64_t wanted = number_at(value, 4);
        object.end = object.at;
        if (wanted && !find_in_heap(file, number_at(value + 4, 8), number_at(value + 12, 4), &object))
            return false;
        if (wanted > (size_t)(object.end - object.at))
            return false;
        object.end = object.at + wanted;
    }
    *text = (const char *)object.at;
    *length = (size_t)(object.end - object.at);
    return true;
}
