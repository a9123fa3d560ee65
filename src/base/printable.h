/* Texts from files and callers, which must not send commands to the terminal that shows them. */
#ifndef CVY_PRINTABLE_H
#define CVY_PRINTABLE_H

/* The first byte that is no part of a printable character in UTF-8: a control character (C0, DEL, C1) or a byte that is
 * no UTF-8. NULL if there is none. */
const char *cvy_text_unprintable(const char *text);

/* Replaces each such byte by '?'. */
void cvy_text_make_printable(char *text);

#endif
