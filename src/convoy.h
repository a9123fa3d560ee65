/* Convoy: trains small convolutional networks on CPUs. The public C API.
 *
 * A program reads like its Keras model (examples/lesson.c is the beginner's program, line by line):
 *
 *     cvy_status status = {0};
 *     cvy_dataset *train = cvy_dataset_load(NULL, CVY_TRAIN, &status);
 *     cvy_model *model = cvy_model_new(NULL, &status);
 *     cvy_input(model, 28, 28, 1, &status);
 *     cvy_conv2d(model, &(cvy_conv2d_options){.filters = 3, .kernel_size = {5}, .activation = "swish"}, &status);
 *     ...
 *     cvy_compile(model, &(cvy_compile_options){.optimizer = "rmsprop"}, &status);
 *     cvy_fit(model, train, &(cvy_fit_options){.epochs = 10}, &status);
 *
 * Errors: every function takes the status last and does nothing when it already holds an error, so a program may check
 * once, at its end. The library never exits, prints, or asserts on input. In every option struct zero means Keras's
 * default. A model is used by one thread of the caller at a time; different models are independent.
 */
#ifndef CONVOY_H
#define CONVOY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CVY_API __attribute__((visibility("default")))
#else
#define CVY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CVY_VERSION "0.1.0"

/* ---- Status ----------------------------------------------------------------------------------------------------- */

/* The values are also convoy's exit codes. */
typedef enum cvy_code {
    CVY_OK = 0,
    CVY_FAILED = 1,       /* bad input, a failed system call, no memory */
    CVY_USAGE = 2,        /* an option or argument that makes no sense */
    CVY_DIVERGED = 3,     /* NaN or infinity in loss, gradient or parameters */
    CVY_INTERRUPTED = 130 /* stopped by the caller (cvy_fit_options.stop, a callback) */
} cvy_code;

/* What went wrong: `where` names the file, layer, field or option, `what` says what was found and what was expected. */
typedef struct cvy_status {
    cvy_code code;
    char where[512];
    char what[512];
} cvy_status;

/* ---- Data ------------------------------------------------------------------------------------------------------- */

/* Images in NHWC, uint8 or float, and a class label for each. */
typedef struct cvy_dataset cvy_dataset;

typedef enum cvy_split { CVY_TRAIN, CVY_TEST } cvy_split;

/* Loads a split of MNIST (or any set in its formats: IDX, gzipped IDX, Keras's mnist.npz) from `directory`; NULL looks
 * in $XDG_CACHE_HOME/convoy (or ~/.cache/convoy), then Keras's cache, then torchvision's layout in those. */
CVY_API cvy_dataset *cvy_dataset_load(const char *directory, cvy_split split, cvy_status *status);

/* A data set over the caller's memory, which must outlive it: images uint8 [count][height][width][channels]. */
CVY_API cvy_dataset *cvy_dataset_from_u8(const uint8_t *images, const uint8_t *labels, size_t count, int height,
                                         int width, int channels, cvy_status *status);
/* The same for float images. */
CVY_API cvy_dataset *cvy_dataset_from_f32(const float *images, const uint8_t *labels, size_t count, int height,
                                          int width, int channels, cvy_status *status);

CVY_API size_t cvy_dataset_count(const cvy_dataset *dataset);
CVY_API const uint8_t *cvy_dataset_labels(const cvy_dataset *dataset); /* [count] */
/* Where it was loaded from, for messages. */
CVY_API const char *cvy_dataset_origin(const cvy_dataset *dataset);
CVY_API void cvy_dataset_free(cvy_dataset *dataset);

/* ---- Describe --------------------------------------------------------------------------------------------------- */

typedef struct cvy_model cvy_model;

/* An empty model; name NULL is "functional". Layers are then added in order, cvy_input first. */
CVY_API cvy_model *cvy_model_new(const char *name, cvy_status *status);
/* A built-in network ("lesson", "lesson-avg", "lenet5") or a file that holds Keras's model.to_json(). */
CVY_API cvy_model *cvy_model_from(const char *name_or_file, cvy_status *status);
/* What Keras's model.to_json() gave. */
CVY_API cvy_model *cvy_model_from_json(const char *json, cvy_status *status);
/* The network that a file of saved weights says they are of; the lesson's if it says nothing. Not its weights: cvy_load
 * reads these, once the model is compiled. */
CVY_API cvy_model *cvy_model_from_weights(const char *path, cvy_status *status);
CVY_API void cvy_model_free(cvy_model *model);

typedef struct cvy_conv2d_options {
    int filters;            /* required */
    int kernel_size[2];     /* height, width; width 0: as height */
    int strides[2];         /* default 1; second 0: as first */
    const char *padding;    /* "valid" (default) or "same" */
    const char *activation; /* "linear" (default), "relu", "swish", "silu", "sigmoid", "tanh", "softmax" */
    const char
        *kernel_initializer;      /* "glorot_uniform" (default), "glorot_normal", "he_uniform", "he_normal", "zeros" */
    const char *bias_initializer; /* "zeros" (default) or one of the above */
    bool no_bias;
    const char *name; /* default as Keras names it: "conv2d", "conv2d_1", ... */
} cvy_conv2d_options;

typedef struct cvy_pooling2d_options {
    int pool_size[2];    /* default 2 x 2; second 0: as first */
    int strides[2];      /* default pool_size */
    const char *padding; /* "valid" (default) or "same" */
    const char *name;
} cvy_pooling2d_options;

typedef struct cvy_dense_options {
    int units; /* required */
    const char *activation, *kernel_initializer, *bias_initializer;
    bool no_bias;
    const char *name;
} cvy_dense_options;

CVY_API void cvy_input(cvy_model *model, int height, int width, int channels, cvy_status *status);
CVY_API void cvy_rescaling(cvy_model *model, double scale, double offset, cvy_status *status);
CVY_API void cvy_conv2d(cvy_model *model, const cvy_conv2d_options *options, cvy_status *status);
CVY_API void cvy_max_pooling2d(cvy_model *model, const cvy_pooling2d_options *options, cvy_status *status);
CVY_API void cvy_average_pooling2d(cvy_model *model, const cvy_pooling2d_options *options, cvy_status *status);
CVY_API void cvy_flatten(cvy_model *model, cvy_status *status);
CVY_API void cvy_dense(cvy_model *model, const cvy_dense_options *options, cvy_status *status);
CVY_API void cvy_activation(cvy_model *model, const char *activation, cvy_status *status);
CVY_API void cvy_dropout(cvy_model *model, double rate, cvy_status *status);

/* Keras's summary, as on a terminal of `columns` columns (0: a wide one, where the table has 88). The caller frees the
 * text. */
CVY_API char *cvy_summary(const cvy_model *model, int columns, cvy_status *status);

/* How the network is computed, and why, in a layout: "hwc16n", the plan of training and of inference on many images, or
 * "nhwc", that of inference on few. The caller frees the text. */
CVY_API char *cvy_plan_summary(const cvy_model *model, const char *layout, cvy_status *status);

/* ---- Preprocess ------------------------------------------------------------------------------------------------- */

/* What becomes of every image before the network sees it, as KEY[=VALUE],... in any order; done in this one:
 *
 *   deskew               sheared upright by its second moments
 *   center_crop=H[xW]    Keras's CenterCrop
 *   scale=S, offset=O    Keras's Rescaling: x * S + O
 *   mean=M, variance=V   Keras's Normalization: (x - M) / sqrt(V)
 *   average_pooling=H[xW]  Keras's AveragePooling2D
 *   test_shift=N         inference takes the mean softmax of the image moved by up to N pixels, each way it can be
 *
 * A number may be a quotient: "scale=1/255". NULL, "" or "none" is nothing. A saved model carries its preprocessing,
 * and loading takes it over. */
CVY_API void cvy_preprocess(cvy_model *model, const char *preprocessing, cvy_status *status);

/* ---- Compile, fit, evaluate, predict ---------------------------------------------------------------------------- */

typedef struct cvy_compile_options {
    const char *optimizer;  /* NAME[:key=value,...], e.g. "sgd:learning_rate=0.1,momentum=0.9"; default "rmsprop" */
    double learning_rate;   /* overrides the optimizer's when > 0 */
    const char *loss;       /* "categorical_crossentropy" (default and the only one) */
    double label_smoothing; /* of the loss: 0 <= s <= 1 */
    uint64_t seed;          /* of initial weights, shuffles and dropout */
    bool profile;           /* keep account of where the time of training goes: cvy_profile_read */
    int threads;        /* at most; 0: one a core that this process may use. Never more than help: cvy_threads_text */
    const char *layout; /* of the images within the network: "hwc16n", "nhwc" (inference only); NULL or "auto": as
                           the plan says, by their number. Changes no bit of the result */
    const char *isa;    /* "scalar", "avx2", "avx512", "neon"; NULL: $CONVOY_ISA, else the best this machine runs */
} cvy_compile_options;

CVY_API void cvy_compile(cvy_model *model, const cvy_compile_options *options, cvy_status *status);

/* Where a fit stands. Loss and accuracy are means over the images of the epoch so far. */
typedef struct cvy_progress {
    int epoch, epochs;  /* from 1 */
    size_t step, steps; /* steps done in this epoch, and in all of it */
    double seconds;     /* training time of this epoch so far, validation left out */
    double loss, accuracy;
    bool validated; /* val_* are set: the epoch is over and there are validation images */
    double val_loss, val_accuracy;
} cvy_progress;

/* Called with the fit's progress; returning false stops the fit with CVY_INTERRUPTED. */
typedef bool cvy_progress_fn(const cvy_progress *progress, void *user);

typedef struct cvy_fit_options {
    int epochs;                         /* default 1 */
    size_t images;                      /* instead of epochs: show so many, the last epoch cut short */
    int batch_size;                     /* default 32; capped at the number of images */
    double validation_split;            /* the last part of the images, 0 <= v < 1, held out */
    const cvy_dataset *validation_data; /* instead of a split */
    bool no_shuffle;
    /* The learning rate over the fit: constant (default), linear, cosine, onecycle or piecewise, as
     * NAME[:KEY=VALUE,...]. "linear:warmup=0.1" rises over the first tenth of the steps, then falls to 0; keys start
     * and end are factors of the rate to begin and end with; "piecewise:0.5=0.1,0.8=0.01" takes a tenth from the middle
     * on, then a hundredth. */
    const char *schedule;
    int random_shift; /* move each image by up to so many pixels: uniformly over all shifts with |dy| + |dx| <= n */
    double target_accuracy;       /* stop after the epoch whose validation accuracy reaches it */
    cvy_progress_fn *on_epoch;    /* after every epoch */
    cvy_progress_fn *on_progress; /* after a step, at most 20 times a second, and after the first */
    void *user;
    const volatile sig_atomic_t *stop; /* non-zero: stop after the current step, status CVY_INTERRUPTED */
} cvy_fit_options;

/* Trains. Fitting again goes on where the last fit ended: weights, optimizer state and epoch count. On CVY_INTERRUPTED
 * the model holds the weights of the last whole step; on CVY_DIVERGED those after the last whole epoch. An optimizer
 * with use_ema leaves the moving average of the weights when the fit has reached its end. */
CVY_API void cvy_fit(cvy_model *model, const cvy_dataset *dataset, const cvy_fit_options *options, cvy_status *status);

/* A phase of training: of a layer (or of several that are one operation), or of the step as a whole. */
typedef struct cvy_profile_row {
    char layers[304]; /* "conv2d, max_pooling2d"; empty: the step */
    char phase[32];   /* "forward", "backward weights", "backward data", "wait for gradients", ... */
    double seconds;   /* on the mean over the threads */
    double flop;      /* floating-point operations, multiply-adds counted as if every number were used; 0: none */
} cvy_profile_row;

/* Where the time of all steps since cvy_compile went. The rows' seconds sum to `seconds`. */
typedef struct cvy_profile {
    int threads;
    size_t steps, images;
    double seconds; /* of the epochs, on the clock */
    double peak;    /* floating-point operations a second that multiply-adds reach on one core */
    int rows;
    cvy_profile_row row[];
} cvy_profile;

/* With cvy_compile_options.profile, after some training. The caller frees it. */
CVY_API cvy_profile *cvy_profile_read(const cvy_model *model, cvy_status *status);

typedef struct cvy_evaluation {
    double loss, accuracy;
} cvy_evaluation;

CVY_API cvy_evaluation cvy_evaluate(cvy_model *model, const cvy_dataset *dataset, cvy_status *status);

/* Softmax of images first .. first + count - 1 into probabilities [count][classes]. */
CVY_API void cvy_predict(cvy_model *model, const cvy_dataset *dataset, size_t first, size_t count, float *probabilities,
                         cvy_status *status);

CVY_API int cvy_classes(const cvy_model *model);
CVY_API int cvy_threads(const cvy_model *model); /* that the last fit used; before one, that a batch of 32 would */
/* How many threads fit with batches of that size takes (0: of 32), why, and where they are kept, in words, e.g. "2
 * threads: 2 of 2 cores, each bound to its core", or "1 thread: a batch of 16 is 1 block of 16 images"; a string of the
 * model, valid until the next call. NULL before cvy_compile. */
CVY_API const char *cvy_threads_text(cvy_model *model, int batch_size);
CVY_API const char *cvy_isa(const cvy_model *model); /* the tier in use, after cvy_compile */

/* ---- Save, load ------------------------------------------------------------------------------------------------- */

/* Weights as safetensors: kernels HWIO and (in, out), named by Keras's paths ("conv2d_1/kernel"). Preprocessing, and a
 * network that is not the lesson's and came by name or as JSON, are noted in the file. It appears whole or not at all.
 */
CVY_API void cvy_save(const cvy_model *model, const char *path, cvy_status *status);
/* Loads weights into a compiled model; every variable must be there with its shape. A "init/" or "after_N/" prefix is
 * not understood here: that is for convoy verify. */
CVY_API void cvy_load(cvy_model *model, const char *path, cvy_status *status);

/* ---- Recipes ---------------------------------------------------------------------------------------------------- */

/* All of a training but the images. A caller changes what it likes, then uses it:
 *
 *     cvy_recipe *recipe = cvy_recipe_from("fast-99", &status);
 *     cvy_model *model = cvy_recipe_model(recipe, &status);
 *     recipe->compile.seed = 7;
 *     cvy_compile(model, &recipe->compile, &status);
 *     cvy_fit(model, train, &recipe->fit, &status);
 */
typedef struct cvy_recipe {
    const char *name, *about;
    const char *network; /* a built-in's name, a file, or JSON */
    const char *preprocessing;
    cvy_compile_options compile;
    cvy_fit_options fit;
    /* Of the accuracy on MNIST's test images, over that many seeds; 0 where nothing was measured. */
    struct {
        double accuracy, deviation, minimum; /* mean, standard deviation, least */
        int seeds;
    } measured;
} cvy_recipe;

/* A built-in recipe, or a file in their form (recipes/ has them); NULL is the lesson's. cvy_recipe_free frees it, and
 * with it the texts that its fields began with. */
CVY_API cvy_recipe *cvy_recipe_from(const char *name_or_file, cvy_status *status);
CVY_API void cvy_recipe_free(cvy_recipe *recipe);
/* The name of built-in recipe i, counted from 0; NULL past the last. */
CVY_API const char *cvy_recipe_name(int i);
/* Its network, with its preprocessing. */
CVY_API cvy_model *cvy_recipe_model(const cvy_recipe *recipe, cvy_status *status);

#ifdef __cplusplus
}
#endif

#endif
