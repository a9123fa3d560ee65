/* convoy evaluate: accuracy and loss of saved weights on the test images. */
#include "../base/memory.h"
#include "cli.h"
#include "output.h"
#include "session.h"
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>

/* counts[label][predicted], square. */
typedef struct confusion {
    int classes;
    size_t *counts;
} confusion;

/* The mistakes between two classes. */
typedef struct pair {
    int low, high;
    size_t low_as_high, high_as_low;
} pair;

static size_t *cell(const confusion *matrix, int label, int predicted) {
    return &matrix->counts[(size_t)label * (size_t)matrix->classes + (size_t)predicted];
}

static int most_probable(const float *probabilities, int classes) {
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (probabilities[c] > probabilities[best])
            best = c;
    return best;
}

static bool count_confusion(cvy_model *model, const cvy_dataset *dataset, confusion *matrix, cvy_status *status) {
    size_t count = cvy_dataset_count(dataset), classes = (size_t)cvy_classes(model);
    matrix->classes = (int)classes;
    matrix->counts = cvy_allocate(classes * classes, sizeof *matrix->counts, "the confusion matrix", status);
    float *probabilities = cvy_allocate(count * classes, sizeof *probabilities, "predictions", status);
    cvy_predict(model, dataset, 0, count, probabilities, status);
    const uint8_t *labels = cvy_dataset_labels(dataset);
    for (size_t i = 0; cvy_ok(status) && i < count; i++)
        ++*cell(matrix, labels[i], most_probable(probabilities + i * classes, matrix->classes));
    free(probabilities);
    return cvy_ok(status);
}

static void print_matrix(const confusion *matrix) {
    size_t largest = 0;
    for (int i = 0; i < matrix->classes * matrix->classes; i++)
        largest = matrix->counts[i] > largest ? matrix->counts[i] : largest;
    int width = 2 + (cli_digits(largest) > 3 ? cli_digits(largest) : 3);
    printf("\nConfusion matrix: a row a label, a column a prediction\n     ");
    for (int c = 0; c < matrix->classes; c++)
        printf("%*d", width, c);
    puts("");
    for (int label = 0; label < matrix->classes; label++) {
        printf("%5d", label);
        for (int predicted = 0; predicted < matrix->classes; predicted++)
            printf("%*zu", width, *cell(matrix, label, predicted));
        puts("");
    }
}

/* Most mistakes first; pairs with as many in the order of their classes. */
static int compare_pairs(const void *left, const void *right) {
    const pair *a = left, *b = right;
    size_t mistakes_a = a->low_as_high + a->high_as_low, mistakes_b = b->low_as_high + b->high_as_low;
    if (mistakes_a != mistakes_b)
        return mistakes_a > mistakes_b ? -1 : 1;
    return a->low != b->low ? a->low - b->low : a->high - b->high;
}

static void print_pairs(const confusion *matrix, cvy_status *status) {
    enum { SHOWN = 5 };
    size_t classes = (size_t)matrix->classes, count = 0;
    pair *pairs = cvy_allocate(classes * classes, sizeof *pairs, "the pairs", status);
    if (!pairs)
        return;
    for (int low = 0; low < matrix->classes; low++)
        for (int high = low + 1; high < matrix->classes; high++)
            pairs[count++] = (pair){low, high, *cell(matrix, low, high), *cell(matrix, high, low)};
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    puts("\nMost confused pairs");
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        const pair *p = &pairs[i];
        if (p->low_as_high + p->high_as_low)
            printf("  %d and %d: %zu mistakes (%d taken for %d: %zu, %d taken for %d: %zu)\n", p->low, p->high,
                   p->low_as_high + p->high_as_low, p->low, p->high, p->low_as_high, p->high, p->low, p->high_as_low);
        else if (i == 0)
            puts("  none: no mistakes");
    }
    free(pairs);
}

static void evaluate(const cli_session *session, bool show_confusion, cvy_status *status) {
    cvy_model *model = session->model;
    const cvy_dataset *test = session->dataset;
    cvy_evaluation result = cvy_evaluate(model, test, status);
    if (!cvy_ok(status))
        return;
    printf("Test accuracy: %.4f - test loss: %.4f (%zu images)\n", result.accuracy, result.loss,
           cvy_dataset_count(test));
    if (session->compile.loss)
        printf("The loss is %s: that of the model is not supported\n", session->compile.loss);
    confusion matrix = {0};
    if (show_confusion && count_confusion(model, test, &matrix, status)) {
        print_matrix(&matrix);
        print_pairs(&matrix, status);
    }
    free(matrix.counts);
}

static void run(int argc, char **argv, cvy_status *status) {
    cli_session session = {0};
    bool show_confusion = false;
    cli_option options[1 + CLI_SESSION_OPTIONS] = {
        {"confusion", NULL, "also print the confusion matrix and the most confused pairs", CLI_FLAG,
         .value = &show_confusion},
    };
    cli_session_options(&session, options + 1);
    cli_syntax syntax = {
        .usage = "evaluate --weights FILE [OPTION]...",
        .about = "Prints accuracy and loss of saved weights on the test images.",
        .examples = "convoy evaluate --weights lesson.safetensors --confusion",
        .options = options,
        .count = sizeof options / sizeof options[0],
    };
    if (cli_parse(&syntax, argc, argv, status) && cli_session_open(&session, CVY_TEST, status)) {
        evaluate(&session, show_confusion, status);
        if (session.timed && cvy_ok(status))
            cli_time_evaluate(session.model, session.dataset, status);
    }
    cli_session_close(&session);
}

const cli_command cli_evaluate = {"evaluate", "accuracy and loss of saved weights on the test images", run};
