#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, LENGTH_DELIMITED = 2 }; /* wire types */

static bool reserve(cvy_wire *wire, size_t count) {
    if (!wire->out_of_memory && count > wire->capacity - wire->count) {
        size_t capacity = 2 * wire->capacity + count + 1024;
        uint8_t *bytes = realloc(wire->bytes, capacity);
        wire->out_of_memory = !bytes;
        if (bytes) {
            wire->bytes = bytes;
            wire->capacity = capacity;
        }
    }
    return !wire->out_of_memory;
}

void cvy_wire_add(cvy_wire *wire, const void *bytes, size_t count) {
    if (count == 0 || !reserve(wire, count))
        return;
    memcpy(wire->bytes + wire->count, bytes, count);
    wire->count += count;
}

/* Seven bits a byte, the lowest first; all but the last byte have the eighth bit. */
static size_t make_varint(uint64_t value, uint8_t bytes[static 10]) {
    size_t count = 0;
    for (; value > 127; value >>= 7)
        bytes[count++] = (uint8_t)(value | 128);
    bytes[count++] = (uint8_t)value;
    return count;
}

static void add_varint(cvy_wire *wire, uint64_t value) {
    uint8_t bytes[10];
    const size_t count = make_varint(value, bytes);
    cvy_wire_add(wire, bytes, count);
}

void cvy_wire_number(cvy_wire *wire, int field, uint64_t value) {
    add_varint(wire, (uint64_t)field << 3 | VARINT);
    add_varint(wire, value);
}

void cvy_wire_bytes(cvy_wire *wire, int field, const void *bytes, size_t count) {
    add_varint(wire, (uint64_t)field << 3 | LENGTH_DELIMITED);
    add_varint(wire, count);
    cvy_wire_add(wire, bytes, count);
}

void cvy_wire_text(cvy_wire *wire, int field, const char *text) {
    cvy_wire_bytes(wire, field, text, strlen(text));
}

size_t cvy_wire_begin(cvy_wire *wire, int field) {
    add_varint(wire, (uint64_t)field << 3 | LENGTH_DELIMITED);
    return wire->count;
}

/* The length goes in front of what was added since. */
void cvy_wire_end(cvy_wire *wire, size_t begin) {
    uint8_t length[10];
    const size_t added = wire->count - begin, count = make_varint(added, length);
    if (!reserve(wire, count))
        return;
    memmove(wire->bytes + begin + count, wire->bytes + begin, added);
    memcpy(wire->bytes + begin, length, count);
    wire->count += count;
}
