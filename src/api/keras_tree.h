/* A model's variables in the trees of Keras's HDF5 files. There are two layouts:
 *
 * Keras 3 (.weights.h5, and within .keras): layers/conv2d_1/vars/0, where conv2d_1 is the second layer of its class,
 * whatever its name; optimizer/vars/0, 1, 2, ...: the iteration, the learning rate, the slots.
 *
 * Keras 2, and .h5 of Keras 3: model_weights/NAME/..., in the order of the attributes layer_names and weight_names;
 * optimizer_weights likewise. A file of weights alone lacks the outer group. */
#ifndef CVY_KERAS_TREE_H
#define CVY_KERAS_TREE_H

#include "../io/tree.h"
#include "model.h"

/* The most that a model's variables take in a file, in bytes, with any of Keras's optimizers. */
size_t cvy_keras_most(const cvy_model *model);

/* Fill a root. `network` is the model's as the file describes it: layers without weights may stand before the model's
 * own. `optimizer` says whether the optimizer's variables are written. */
bool cvy_keras_fill(const cvy_model *model, const cvy_network *network, cvy_node *root, cvy_status *status);
bool cvy_keras_fill_legacy(const cvy_model *model, const cvy_network *network, cvy_node *root, cvy_status *status);

/* Takes the weights over, and the state of the optimizer if it is of the model's kind and has the same slots.
 * `optimizer` is the name of the file's optimizer, NULL if it says none. On an error, which names `path`, the model
 * stays as it was. */
bool cvy_keras_take(cvy_model *model, const cvy_node *root, const char *optimizer, const char *path,
                    cvy_status *status);

#endif
