/* Measures how long inference takes. */
#ifndef CLI_TIMING_H
#define CLI_TIMING_H

#include "../convoy.h"

/* Repeats cvy_predict of the first `count` images, or cvy_evaluate of all images, for about 0.2 seconds. Prints the
 * shortest time of a call. */
bool cli_time_predict(cvy_model *model, const cvy_dataset *dataset, size_t count, cvy_status *status);
bool cli_time_evaluate(cvy_model *model, const cvy_dataset *dataset, cvy_status *status);

#endif
