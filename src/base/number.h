/* Numbers as texts: with a decimal point in every locale, rounded to nearest whatever the caller's rounding mode. */
#ifndef CVY_NUMBER_H
#define CVY_NUMBER_H

#include <locale.h>
#include <stdarg.h>
#include <stddef.h>

#include "float_environment.h"

/* Reads a number that begins right at `text`, without leading space. Returns its end; NULL if there is none. */
const char *cvy_number_read(const char *text, double *number);

enum { CVY_NUMBER_MAX = 32 };

/* Writes a number with so many significant digits, at most 17, which give any double back. Returns the text. */
const char *cvy_number_write(double number, int digits, char text[static CVY_NUMBER_MAX]);

/* vsnprintf with such numbers. */
void cvy_format(char *text, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));

/* Between these two calls the calling thread reads and writes numbers so with any function: printf, strtod, jansson. */
typedef struct cvy_plain_numbers {
    locale_t before, plain;
    cvy_float_environment environment;
    int rounding;
} cvy_plain_numbers;

cvy_plain_numbers cvy_plain_numbers_begin(void);
void cvy_plain_numbers_end(cvy_plain_numbers numbers);

#endif
