#include "text.h"

#include "number.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cvy_append(char *text, size_t size, const char *format, ...) {
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    cvy_format(text + length, size - length, format, arguments);
    va_end(arguments);
}
