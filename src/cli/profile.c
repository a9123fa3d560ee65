#include "profile.h"

#include <stdio.h>
#include <string.h>

/* Floating-point operations a second and core during this row. */
static double speed(const cvy_profile *profile, const cvy_profile_row *row) {
    return row->seconds > 0 ? row->flop / profile->threads / row->seconds : 0;
}

/* No work and next to no time: for instance the waits of a single thread. */
static bool is_empty(const cvy_profile *profile, const cvy_profile_row *row) {
    return row->flop == 0 && row->seconds < 1e-5 * profile->seconds;
}

void cli_profile_print(const cvy_profile *profile) {
    int width = 5;
    for (int i = 0; i < profile->rows; i++) {
        int length = (int)strlen(profile->row[i].layers);
        width = length > width ? length : width;
    }
    const double steps = (double)profile->steps;
    printf("Profile: %zu steps of %.1f us, %d thread%s, peak of a core %.1f GFLOP/s\n\n", profile->steps,
           1e6 * profile->seconds / steps, profile->threads, profile->threads == 1 ? "" : "s", 1e-9 * profile->peak);
    printf("%-*s  %-20s%12s%8s%10s%8s\n", width, "layer", "phase", "us a step", "share", "GFLOP/s", "peak");
    for (int i = 0; i < profile->rows; i++) {
        const cvy_profile_row *row = &profile->row[i];
        if (is_empty(profile, row))
            continue;
        printf("%-*s  %-20s%12.3f%7.1f%%", width, row->layers, row->phase, 1e6 * row->seconds / steps,
               100 * row->seconds / profile->seconds);
        if (row->flop > 0)
            printf("%10.1f%7.1f%%", 1e-9 * speed(profile, row), 100 * speed(profile, row) / profile->peak);
        puts("");
    }
    double flop = 0;
    for (int i = 0; i < profile->rows; i++)
        flop += profile->row[i].flop;
    double whole = flop / profile->threads / profile->seconds;
    printf("%-*s  %-20s%12.3f%7.1f%%%10.1f%7.1f%%\n\n", width, "all", "", 1e6 * profile->seconds / steps, 100.0,
           1e-9 * whole, 100 * whole / profile->peak);
    puts("Times are means over the threads. GFLOP/s and shares of the peak are for one core and count every "
         "multiply-add,\n"
         "also those with zeros, which the gradients skip.\n");
}

/* A layer's name may hold anything but control characters. */
static void print_json_text(const char *text) {
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

void cli_profile_print_json(const cvy_profile *profile) {
    printf("{\"profile\": {\"threads\": %d, \"steps\": %zu, \"images\": %zu, \"seconds\": %.9g, \"core_peak_flops\": "
           "%.9g, "
           "\"rows\": [",
           profile->threads, profile->steps, profile->images, profile->seconds, profile->peak);
    for (int i = 0; i < profile->rows; i++) {
        const cvy_profile_row *row = &profile->row[i];
        printf("%s{\"layers\": ", i ? ", " : "");
        print_json_text(row->layers);
        printf(", \"phase\": \"%s\", \"seconds\": %.9g, \"flop\": %.9g}", row->phase, row->seconds, row->flop);
    }
    puts("]}}");
}
