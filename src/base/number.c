#define _GNU_SOURCE
#include "number.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cvy_plain_numbers cvy_plain_numbers_begin(void) {
    /* The C library has this locale built in: making it takes no memory. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    cvy_plain_numbers numbers = {.before = uselocale(plain), .plain = plain, .rounding = fegetround()};
    fesetround(FE_TONEAREST); /* also for the x87, by whose mode glibc's strtod and printf round */
    numbers.environment = cvy_float_enter();
    return numbers;
}

void cvy_plain_numbers_end(cvy_plain_numbers numbers) {
    cvy_float_leave(numbers.environment);
    fesetround(numbers.rounding);
    if (!numbers.plain)
        return;
    uselocale(numbers.before);
    freelocale(numbers.plain);
}

const char *cvy_number_read(const char *text, double *number) {
    char *end;
    if (!*text || !strchr("+-.0123456789", *text))
        return NULL;
    cvy_plain_numbers plain = cvy_plain_numbers_begin();
    *number = strtod(text, &end);
    cvy_plain_numbers_end(plain);
    return end > text ? end : NULL;
}

const char *cvy_number_write(double number, int digits, char text[static CVY_NUMBER_MAX]) {
    cvy_plain_numbers plain = cvy_plain_numbers_begin();
    snprintf(text, CVY_NUMBER_MAX, "%.*g", digits, number);
    cvy_plain_numbers_end(plain);
    return text;
}

void cvy_format(char *text, size_t size, const char *format, va_list arguments) {
    cvy_plain_numbers plain = cvy_plain_numbers_begin();
    vsnprintf(text, size, format, arguments);
    cvy_plain_numbers_end(plain);
}
