/* The softmax of some images as a table, as pandas prints a DataFrame rounded to two decimals. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "../convoy.h"

/* Predicts the first `count` images and prints the table: a row an image, a column a class, the true label at the end.
 */
bool cli_print_predictions(cvy_model *model, const cvy_dataset *dataset, size_t count, cvy_status *status);

#endif
