/* A golden run of Keras: initial weights, batches, and what came of them in float32 and float64. */
#ifndef CLI_GOLDEN_H
#define CLI_GOLDEN_H

#include "../io/safetensors.h"
#include "../model/variables.h"

enum { GOLDEN_STAGES_MAX = 16 };

typedef struct golden {
    cvy_safetensors *file;
    size_t steps, batch;
    const int32_t *batches;            /* [steps][batch]: which training images each step saw */
    const double *loss_f32, *loss_f64; /* [steps] */
    const cvy_tensor *probabilities,
        *probabilities_f64;          /* [batch][classes], of the first batch before the first update */
    const cvy_tensor *predictions;   /* [images][classes], of the first images with the last weights */
    int stages;                      /* at which weights were kept */
    size_t stage[GOLDEN_STAGES_MAX]; /* after how many steps, ascending; the last is `steps` */
} golden;

/* Opens a golden file and checks that it holds every tensor, in the shapes of the network, and no other. Errors name
 * the file and the tensor. */
bool golden_open(golden *run, const char *path, const cvy_variables *variables, int classes, cvy_status *status);
void golden_close(golden *run);

/* What golden_open has seen to be there: init/, grad_step0/ (with f64: in float64) of a variable, and its value after a
 * stage. */
const cvy_tensor *golden_initial(const golden *run, const cvy_variable *variable);
const cvy_tensor *golden_gradient(const golden *run, const cvy_variable *variable, bool f64);
const cvy_tensor *golden_weights(const golden *run, int stage, const cvy_variable *variable, bool f64);

/* A float32 or float64 tensor's element. */
double golden_element(const cvy_tensor *tensor, size_t i);

/* The largest difference of two tensors of equal shape, relative to the largest value of the second; infinite if it is
 * not a number. */
double golden_difference(const cvy_tensor *tensor, const cvy_tensor *truth);

#endif
