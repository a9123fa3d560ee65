/* The softmax of some images as a table, as pandas prints a DataFrame rounded to two decimals. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "../base/status.h"

/* Prints probabilities [count][classes], a row an image, the true label at its end. */
bool cli_print_softmax(const float *probabilities, const uint8_t *labels, size_t count, int classes,
                       cvy_status *status);

/* Predicts the first `count` images and prints their table. */
bool cli_print_predictions(cvy_model *model, const cvy_dataset *dataset, size_t count, cvy_status *status);

#endif
