/* Checkpoints: a safetensors file with all that an interrupted fit needs to go on with the same bits.
 *
 * Its tensors are the weights and the optimizer's variables. Its metadata are the network and the preprocessing, as in
 * a file of weights, and "checkpoint", a JSON object:
 *
 *     {
 *         "convoy": "0.1.0",
 *         "iterations": 3870, "learning_rate": 0.001, "epochs_done": 2,
 *         "crc32": {"conv2d/kernel": 12345, ...},   of every tensor
 *         "fit": {                                   missing where none was under way
 *             "recipe": {...},                       its settings, as recipe.h says
 *             "shuffle": true,
 *             "data": {"origin": "...", "count": 60000, "shape": [28, 28, 1], "crc32": 12345},
 *             "position": {"epoch": 3, "step": 120, "seconds": 0.1, "loss_sum": 1.5, "correct": 3600, "images": 3840}
 *         }
 *     }
 *
 * "checkpoint_crc32" is the checksum of all metadata, in hexadecimal. Checksums are zlib's CRC-32. */
#ifndef CVY_CHECKPOINT_H
#define CVY_CHECKPOINT_H

#include "model.h"

/* Where a fit stands: it goes on with step `step`, counted from 0, of epoch `epoch`, counted from 1. */
typedef struct cvy_position {
    int epoch;
    size_t step;
    double seconds;      /* of this epoch so far */
    cvy_metrics metrics; /* of this epoch so far */
} cvy_position;

/* What a fit with these options and images is, as the object "fit" without its position. The caller decrefs it; NULL on
 * an error. It reads all images once. */
json_t *cvy_checkpoint_describe(const cvy_model *model, const cvy_fit_options *options, const cvy_dataset *dataset,
                                cvy_status *status);

/* Where a fit goes on that was loaded from a checkpoint. A fit of other settings or images is an error that names what
 * differs; epochs and images may. */
bool cvy_checkpoint_resume(const cvy_model *model, json_t *fit, cvy_position *position, cvy_status *status);

/* The settings of the fit that a checkpoint holds, as the text of a recipe; the caller frees it. NULL on an error. */
char *cvy_checkpoint_recipe(const char *path, cvy_status *status);

/* Writes a checkpoint of a fit between two steps, and keeps the last `keep` - 1 older ones as PATH.1, PATH.2, ... `fit`
 * is what cvy_checkpoint_describe returned. */
bool cvy_checkpoint_write(cvy_model *model, json_t *fit, const cvy_position *position, const char *path, int keep,
                          cvy_status *status);

#endif
