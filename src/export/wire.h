/* Messages in the wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding). */
#ifndef CVY_EXPORT_WIRE_H
#define CVY_EXPORT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message as it grows; all zero is an empty one. The caller frees the bytes. */
typedef struct cvy_wire {
    uint8_t *bytes;
    size_t count, capacity;
    bool out_of_memory; /* nothing is added from then on */
} cvy_wire;

void cvy_wire_number(cvy_wire *wire, int field, uint64_t value);
void cvy_wire_bytes(cvy_wire *wire, int field, const void *bytes, size_t count);
void cvy_wire_text(cvy_wire *wire, int field, const char *text);

/* A message within the message, or any other field with a length, is what is added between begin and end. */
size_t cvy_wire_begin(cvy_wire *wire, int field);
void cvy_wire_end(cvy_wire *wire, size_t begin);

/* Raw bytes, between begin and end. */
void cvy_wire_add(cvy_wire *wire, const void *bytes, size_t count);

#endif
