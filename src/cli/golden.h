/* A recorded ("golden") run of Keras: initial weights, batches, and the results in float32 and float64. */
#ifndef CLI_GOLDEN_H
#define CLI_GOLDEN_H

#include "../io/safetensors.h"
#include "../model/variables.h"

enum { GOLDEN_STAGES_MAX = 16 };

typedef struct golden {
    cvy_safetensors *file;
    size_t steps, batch;
    const int32_t *batches;            /* [steps][batch]: indices of the training images of each step */
    const double *loss_f32, *loss_f64; /* [steps] */
    const cvy_tensor *probabilities,
        *probabilities_f64;          /* [batch][classes], of the first batch before the first update */
    const cvy_tensor *predictions;   /* [images][classes], of the first images with the last weights */
    int stages;                      /* how often the weights were recorded */
    size_t stage[GOLDEN_STAGES_MAX]; /* after how many steps each time, ascending; the last is `steps` */
} golden;

/* Opens a golden file and checks that it holds every tensor, in the shapes of the network, and no other. Errors name
 * the file and the tensor. */
bool golden_open(golden *run, const char *path, const cvy_variables *variables, int classes, cvy_status *status);

/* Frees the file and all tensors. */
void golden_close(golden *run);

/* Tensors of a variable, whose presence golden_open has checked: its initial value, the gradient of the first step, and
 * its value at a stage; with f64 those of the float64 run. */
const cvy_tensor *golden_initial(const golden *run, const cvy_variable *variable);
const cvy_tensor *golden_gradient(const golden *run, const cvy_variable *variable, bool f64);
const cvy_tensor *golden_weights(const golden *run, int stage, const cvy_variable *variable, bool f64);

/* Element i of a float32 or float64 tensor. */
double golden_element(const cvy_tensor *tensor, size_t i);

/* The largest difference of two tensors of equal shape, relative to the largest value of the second; infinite if it is
 * not a number. */
double golden_difference(const cvy_tensor *tensor, const cvy_tensor *truth);

#endif
