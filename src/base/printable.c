#include "printable.h"

#include <stddef.h>

/* The number of bytes of the printable character that the text begins with; 0 if it begins with none. Forms that are
 * longer than needed could hide a control character. */
static int printable_bytes(const unsigned char *text) {
    const unsigned char first = text[0];
    if (first < 0x80)
        return first >= ' ' && first != 0x7f;
    const int bytes = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    for (int i = 1; i < bytes; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    const unsigned least = first == 0xc2 || first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    return bytes && text[1] >= least ? bytes : 0;
}

const char *cvy_text_unprintable(const char *text) {
    for (int bytes; *text; text += bytes)
        if (!(bytes = printable_bytes((const unsigned char *)text)))
            return text;
    return NULL;
}

void cvy_text_make_printable(char *text) {
    for (const char *bad; (bad = cvy_text_unprintable(text)); text++) {
        text += bad - text;
        *text = '?';
    }
}
