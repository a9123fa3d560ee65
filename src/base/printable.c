#include "printable.h"

#include <stddef.h>

bool cvy_text_is_control(const char *text) {
    const unsigned char first = (unsigned char)text[0], second = first ? (unsigned char)text[1] : 0;
    return (first && first < ' ') || first == 0x7f || (first == 0xc2 && second >= 0x80 && second < 0xa0);
}

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

/* The first byte that is no part of a printable character, NULL if there is none. */
static const char *unprintable(const char *text) {
    for (int bytes; *text; text += bytes)
        if (!(bytes = printable_bytes((const unsigned char *)text)))
            return text;
    return NULL;
}

void cvy_text_make_printable(char *text, char keep) {
    for (const char *bad; (bad = unprintable(text)); text++) {
        text += bad - text;
        if (*text != keep)
            *text = '?';
    }
}
