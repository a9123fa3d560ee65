/* HDF5 File Format Specification 2.0, III.E "Disk Format: Level 1E - Global Heap". libhdf5 copies an object of the heap
 * into memory of the length that the reference states, whichever is longer, so a damaged file makes it write past the
 * end (1.10.8). These few lines check both. */
#include "heap.h"

#include <stdint.h>
#include <string.h>

/* A little-endian number. */
static uint64_t number(const unsigned char *bytes, int count) {
    uint64_t value = 0;
    while (count--)
        value = value << 8 | bytes[count];
    return value;
}

/* The collection at an address: its first object, and its end. */
static bool find_collection(const unsigned char *file, size_t size, uint64_t address, size_t *at, size_t *end) {
    enum { HEADER = 16 };
    if (address > size || size - address < HEADER)
        return false;
    const unsigned char *header = file + address;
    uint64_t length = number(header + 8, 8);
    *at = (size_t)address + HEADER;
    *end = (size_t)(address + length);
    return !memcmp(header, "GCOL", 4) && header[4] == 1 && length >= HEADER && length <= size - address;
}

bool cvy_hdf5_heap_text(const unsigned char *file, size_t size, const unsigned char reference[CVY_HDF5_REFERENCE],
                        const char **text, size_t *length) {
    enum { OBJECT = 16 }; /* index, reference count, 4 bytes unused, size */
    size_t at, end;
    uint64_t wanted = number(reference, 4), index = number(reference + 12, 4);
    *text = "";
    *length = 0;
    if (!wanted)
        return true;
    if (!find_collection(file, size, number(reference + 4, 8), &at, &end))
        return false;
    while (end - at >= OBJECT) {
        uint64_t found = number(file + at, 2), bytes = number(file + at + 8, 8);
        at += OBJECT;
        if (!found || bytes > end - at) /* object 0 is the free space at the end */
            return false;
        if (found == index) {
            *text = (const char *)file + at;
            *length = (size_t)wanted;
            return wanted <= bytes;
        }
        uint64_t padded = (bytes + 7) / 8 * 8;
        if (padded > end - at)
            return false;
        at += (size_t)padded;
    }
    return false;
}
