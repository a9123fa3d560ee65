/* Texts from files and callers, which must not send commands to the terminal that shows them. */
#ifndef CVY_PRINTABLE_H
#define CVY_PRINTABLE_H

#include <stdbool.h>

/* Whether the text begins with a control character: C0, DEL, or C1 in UTF-8. */
bool cvy_text_is_control(const char *text);

/* Replaces by '?' each byte that is no part of a printable character in UTF-8: a control character, or a byte that is
 * no UTF-8. `keep`, which may be 0, is left alone. */
void cvy_text_make_printable(char *text, char keep);

#endif
