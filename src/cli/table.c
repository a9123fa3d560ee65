#include "table.h"
#include "../base/memory.h"
#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Rounded to two decimals, times 100. */
static double hundredths(float probability) {
    return rint((double)probability * 100);
}

/* A column has two decimals if one of its values needs them, else one. */
static int column_decimals(const float *probabilities, size_t count, int classes, int column) {
    for (size_t i = 0; i < count; i++)
        if (fmod(hundredths(probabilities[i * (size_t)classes + (size_t)column]), 10) != 0)
            return 2;
    return 1;
}

static bool print_softmax(const float *probabilities, const uint8_t *labels, size_t count, int classes,
                          cvy_status *status) {
    int *decimals = cvy_allocate((size_t)classes, sizeof *decimals, "a table", status);
    if (!decimals)
        return false;
    int index = cli_digits(count ? count - 1 : 0);
    printf("%*s", index, "");
    for (int c = 0; c < classes; c++) {
        decimals[c] = column_decimals(probabilities, count, classes, c);
        printf("  %*d", decimals[c] + 2, c);
    }
    puts("  label");
    for (size_t i = 0; i < count; i++) {
        printf("%-*zu", index, i);
        for (int c = 0; c < classes; c++)
            printf("  %*.*f", decimals[c] + 2, decimals[c],
                   hundredths(probabilities[i * (size_t)classes + (size_t)c]) / 100);
        printf("  %5d\n", labels[i]);
    }
    free(decimals);
    return true;
}

bool cli_print_predictions(cvy_model *model, const cvy_dataset *dataset, size_t count, cvy_status *status) {
    int classes = cvy_classes(model);
    float *probabilities = cvy_allocate(count * (size_t)classes, sizeof *probabilities, "predictions", status);
    cvy_predict(model, dataset, 0, count, probabilities, status);
    bool printed = cvy_ok(status) && print_softmax(probabilities, cvy_dataset_labels(dataset), count, classes, status);
    free(probabilities);
    return printed;
}
