#include "names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void bench_model_name(const char *model, char *name, size_t size) {
    const char *slash = strrchr(model, '/');
    snprintf(name, size, "%s", slash ? slash + 1 : model);
    char *dot = strrchr(name, '.');
    if (dot && strcmp(dot, ".json") == 0)
        *dot = '\0';
}

void bench_word(const char *text, char *word, size_t size) {
    size_t n = 0;
    for (; *text && n + 1 < size; text++)
        if (*text == ' ' || *text == '/')
            word[n++] = '_';
        else if (*text != ',')
            word[n++] = (char)tolower((unsigned char)*text);
    word[n] = '\0';
}
