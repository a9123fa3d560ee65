/* Which tensor of a file is which variable of a network. */
#ifndef CVY_WEIGHT_NAMES_H
#define CVY_WEIGHT_NAMES_H

#include "../io/safetensors.h"
#include "../model/variables.h"

/* Sets tensors[i] to the file's tensor of variable i, of its shape and F32. The first of these rules that finds a
 * tensor of its own for every variable decides:
 *
 *   1. the same name: "sequential/conv2d/kernel";
 *   2. the same layer and variable: Keras's Sequential writes "sequential/conv2d/kernel", its Functional model
 *      "conv2d/kernel";
 *   3. the same layer but for its number, in the order of the numbers: a second model in one Python session has
 *      "conv2d_2" and "conv2d_3" where the first had "conv2d" and "conv2d_1";
 *   4. the same shape, where no two variables share one.
 *
 * Rules 3 and 4 want as many tensors as variables. If none holds, the error lists what the file holds. */
bool cvy_match_tensors(const cvy_safetensors *file, const cvy_variables *variables, const cvy_tensor *tensors[],
                       cvy_status *status);

#endif
