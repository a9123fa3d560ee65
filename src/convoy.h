/* Convoy trains small convolutional networks on CPUs. This is its public C API.
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
 * Errors. Functions that can fail take a status last. They do nothing when it already holds an error, so a program may
 * check once, at its end. With a NULL status they do the same, but report no error. The library never exits, prints, or
 * asserts on input.
 *
 * Arguments. A pointer may be NULL where its function says so. Elsewhere NULL is an error (CVY_USAGE) that names the
 * argument; functions without a status then return 0 or NULL. An error returns NULL, 0, or a struct of zeros. Every
 * function that frees accepts NULL.
 *
 * Options. In every option struct zero means Keras's default, and a NULL struct means all defaults. Errors name the
 * field. Strings and structs that are passed in are read during the call only.
 *
 * Threads. One thread at a time may use a model. Different models are independent. A model's threads end with it.
 *
 * Processes. A process that was forked from one with models may use them, and makes threads of its own, unless another
 * thread of the parent was just using that model. fork() within on_progress is for exec() only.
 *
 * The process's settings. Numbers in texts and files have a decimal point in every locale. Results do not depend on the
 * caller's floating-point environment (rounding mode, flush-to-zero, exception masks): it is set aside for the time of
 * a call, and in force again in callbacks and afterwards.
 *
 * Callbacks. In on_epoch all functions may use the model but cvy_fit, cvy_compile and cvy_model_free. In on_progress a
 * step is under way: only what describes the model may be called. The others are an error (CVY_USAGE) there.
 *
 * Versions. A release 0.x.0 may add fields to structs: programs are then compiled again. The shared library's name
 * (libconvoy.so.0.x) changes with x. Releases 0.x.y with the same x are compatible.
 */
#ifndef CONVOY_H
#define CONVOY_H

#include <signal.h>

#include "convoy_types.h"

#if defined(__GNUC__)
#define CVY_API __attribute__((visibility("default")))
#else
#define CVY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CVY_VERSION "0.1.0"

/* The version of the library in use; CVY_VERSION is that of the header. */
CVY_API const char *cvy_version(void);

/* ---- Data ------------------------------------------------------------------------------------------------------- */

/* Loads a split of a data set. A NULL place looks for MNIST, as IDX files or mnist.npz, in $XDG_CACHE_HOME/convoy (or
 * ~/.cache/convoy), then in Keras's cache, then in these for torchvision's layout. Otherwise the place is one of these:
 *
 *   an .npz file        arrays x_train, y_train, x_test, y_test, stored or deflated
 *   a directory with    IDX files of MNIST's names, plain or .gz; torchvision's MNIST/raw with these; mnist.npz;
 *                       x_train.npy, y_train.npy, x_test.npy, y_test.npy;
 *                       EMNIST's files (emnist-letters-train-images-idx3-ubyte, ..., plain or .gz);
 *                       CIFAR-10's data_batch_1.bin to data_batch_5.bin and test_batch.bin, or cifar-10-batches-bin
 *                       with these;
 *                       PNG images by class: train/CLASS/NAME.png, test/CLASS/NAME.png
 *   DIR/emnist-letters  the path of EMNIST's files up to the set's name, where a directory holds several sets
 *
 * Arrays are in C order and little-endian: images N x H x W or N x H x W x C of uint8, or of float32 or float64, which
 * both become float; labels from 0 to 255, N or N x 1 of any integer type, or one-hot rows N x CLASSES of any type.
 * EMNIST's files hold images with rows and columns exchanged, and the letters' labels 1 to 26: here images are upright
 * and labels begin at 0. The classes of PNG images are the folders of both splits, sorted by name, whole numbers by
 * value; label i is the i-th. The images come in that order, those of a class sorted by name, too. All have one size,
 * at most 4096 x 4096, and 3 channels if any of the split is RGB or has a palette, else 1. They become uint8: 16 bits
 * are rounded to 8, fewer are scaled to 8, gamma is ignored, and opaque alpha is dropped. Pixels that are not opaque
 * are an error.
 *
 * Errors name the file and say what it holds and what is read. A split that is not there is an error only when it is
 * asked for. */
CVY_API cvy_dataset *cvy_dataset_load(const char *place, cvy_split split, cvy_status *status);

/* A data set over the caller's memory, which must outlive it: images uint8 [count][height][width][channels], labels
 * [count]. NULL labels make a data set that serves cvy_predict, but neither cvy_fit nor cvy_evaluate. */
CVY_API cvy_dataset *cvy_dataset_from_u8(const uint8_t *images, const uint8_t *labels, size_t count, int height,
                                         int width, int channels, cvy_status *status);
/* The same for float images. NaN and infinity are an error; they are looked for here, once (20 ms for 60,000 images of
 * 28 x 28). Labels may change later: each fit and evaluation checks them. */
CVY_API cvy_dataset *cvy_dataset_from_f32(const float *images, const uint8_t *labels, size_t count, int height,
                                          int width, int channels, cvy_status *status);

CVY_API size_t cvy_dataset_count(const cvy_dataset *dataset); /* how many images */

/* Images [count][height][width][channels]: of uint8 or of float, the other pointer is NULL. */
typedef struct cvy_images {
    const uint8_t *u8;
    const float *f32;
    size_t count;
    int height, width, channels;
} cvy_images;

/* The images of a data set, which live as long as it does. */
CVY_API cvy_images cvy_dataset_images(const cvy_dataset *dataset);
/* The labels [count], NULL if it has none. They live as long as the data set. */
CVY_API const uint8_t *cvy_dataset_labels(const cvy_dataset *dataset);
/* The directory or file that it was loaded from, for messages. The text lives as long as the data set. */
CVY_API const char *cvy_dataset_origin(const cvy_dataset *dataset);
CVY_API void cvy_dataset_free(cvy_dataset *dataset);

/* ---- Describe --------------------------------------------------------------------------------------------------- */

typedef struct cvy_model cvy_model;

/* An empty model; a NULL name is "functional". Layers are then added in order, cvy_input first. The caller frees every
 * model with cvy_model_free. */
CVY_API cvy_model *cvy_model_new(const char *name, cvy_status *status);
/* A built-in network ("lesson", "lesson-avg", "lenet5"), or a file that holds what Keras's model.to_json() returns, or
 * one that cvy_model_from_weights reads. */
CVY_API cvy_model *cvy_model_from(const char *name_or_file, cvy_status *status);
/* The text that Keras's model.to_json() returns. The error about a network lists all that is not supported. How the
 * model is compiled in Keras (compile_config) is no error here: cvy_compile may need it. */
CVY_API cvy_model *cvy_model_from_json(const char *json, cvy_status *status);
/* The network that a safetensors file names, the lesson's if it names none; or that of Keras's .keras or .h5 file. It
 * has fresh weights: cvy_load reads those of the file, once the model is compiled. */
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

/* Keras's summary, as on a terminal of `columns` columns (0: as wide as its table, 88). The caller frees the text with
 * free(). */
CVY_API char *cvy_summary(const cvy_model *model, int columns, cvy_status *status);

/* What Keras 3's model.to_json() returns; keras.models.model_from_json() reads it. A compiled model's text has its
 * optimizer and loss (compile_config), as cvy_compile reads them. The caller frees the text with free(). */
CVY_API char *cvy_to_json(const cvy_model *model, cvy_status *status);

/* How the network is computed in a layout, and why. "hwc16n" is the layout of training and of inference on many images,
 * "nhwc" that of inference on few. The caller frees the text with free(). */
CVY_API char *cvy_plan_summary(const cvy_model *model, const char *layout, cvy_status *status);

/* ---- Preprocess ------------------------------------------------------------------------------------------------- */

/* Sets what is done to every image before the network sees it: KEY[=VALUE],... in any order. The steps are taken in
 * this one:
 *
 *   deskew                 shears the image upright by its second moments
 *   center_crop=H[xW]      Keras's CenterCrop
 *   scale=S, offset=O      Keras's Rescaling: x * S + O
 *   mean=M, variance=V     Keras's Normalization: (x - M) / sqrt(V)
 *   average_pooling=H[xW]  Keras's AveragePooling2D
 *   test_shift=N           inference takes the mean softmax over all moves of the image by up to N pixels
 *
 * One more key changes nothing:
 *
 *   image_size=H[xW]       the size of the images before all steps, set by cvy_fit; .onnx and .c need it
 *
 * A number may be a quotient: "scale=1/255". NULL, "" or "none" does nothing. cvy_save writes the preprocessing beside
 * the weights, and cvy_load takes it over. */
CVY_API void cvy_preprocess(cvy_model *model, const char *preprocessing, cvy_status *status);
/* What is done to every image, as a text that cvy_preprocess takes; "none" if nothing. The caller frees it with free().
 */
CVY_API char *cvy_preprocessing_of(const cvy_model *model, cvy_status *status);

/* ---- Compile, fit, evaluate, predict ---------------------------------------------------------------------------- */

/* What is zero is taken from the model's compile_config, if the JSON that it was made from has one; else it has the
 * default. What Convoy does not support of a compile_config is an error here unless an option stands in for it. */
typedef struct cvy_compile_options {
    const char *optimizer;  /* NAME[:key=value,...], e.g. "sgd:learning_rate=0.1,momentum=0.9"; default "rmsprop" */
    double learning_rate;   /* overrides the optimizer's when > 0 */
    const char *loss;       /* "categorical_crossentropy" (default) or "sparse_categorical_crossentropy", which is the
                               same: labels are class numbers. Replaces loss and metrics of a compile_config */
    double label_smoothing; /* of the loss: 0 <= s <= 1 */
    uint64_t seed;          /* of initial weights, shuffles and dropout */
    bool profile;           /* measure where the time of training goes: cvy_profile_read */
    int threads; /* at most; 0: one for each core that this process may use. Never more than help: cvy_threads_text */
    const char *layout; /* of the images within the network: "hwc16n", "nhwc" (inference only); NULL or "auto": the
                           plan chooses by the number of images. Changes no bit of the result */
    const char *isa; /* "scalar", "avx2", "avx512", "neon"; NULL: $CONVOY_ISA, else the best that this machine runs */
} cvy_compile_options;

/* Makes a model ready to train and predict, with fresh weights. It takes no more layers from then on. The model must
 * end in a softmax over a vector. */
CVY_API void cvy_compile(cvy_model *model, const cvy_compile_options *options, cvy_status *status);

/* Where a fit stands. Loss and accuracy are means over the images of the epoch so far. */
typedef struct cvy_progress {
    int epoch, epochs;  /* from 1 */
    size_t step, steps; /* steps done in this epoch, and in all of it */
    double seconds;     /* training time of this epoch so far, without validation */
    double loss, accuracy;
    bool validated; /* val_* are set: the epoch is over and there are validation images */
    double val_loss, val_accuracy;
} cvy_progress;

/* Called with the fit's progress; returning false stops the fit with CVY_INTERRUPTED. */
typedef bool cvy_progress_fn(const cvy_progress *progress, void *user);

typedef struct cvy_fit_options {
    int epochs;                         /* default 1 */
    size_t images;                      /* instead of epochs: how many images to show; the last epoch is cut short */
    int batch_size;                     /* default 32; capped at the number of images */
    double validation_split;            /* the last part of the images, 0 <= v < 1, held out */
    const cvy_dataset *validation_data; /* instead of a split */
    bool no_shuffle;
    /* The learning rate over the fit: constant (default), linear, cosine, onecycle or piecewise, as
     * NAME[:KEY=VALUE,...]. "linear:warmup=0.1" rises over the first tenth of the steps, then falls to 0. Keys start
     * and end are factors of the rate to begin and end with. "piecewise:0.5=0.1,0.8=0.01" takes a tenth of the rate
     * from the middle on, and a hundredth from four fifths on. */
    const char *schedule;
    int random_shift; /* moves each image by up to so many pixels: uniformly over all shifts with |dy| + |dx| <= n */
    double target_accuracy;            /* stop after the epoch whose validation accuracy reaches it */
    cvy_progress_fn *on_epoch;         /* after every epoch */
    cvy_progress_fn *on_progress;      /* after a step, at most 20 times a second, and after the first */
    bool every_step;                   /* on_progress after every step */
    void *user;                        /* handed to both */
    const volatile sig_atomic_t *stop; /* non-zero: stop after the current step with CVY_INTERRUPTED */
    /* A file to write checkpoints to (cvy_checkpoint_load): after every epoch or, if given, after so many epochs, steps
     * or seconds; also when the fit is stopped. An error in writing ends the fit. */
    const char *checkpoint;
    int checkpoint_epochs;
    size_t checkpoint_steps;
    double checkpoint_seconds;
    int checkpoint_keep; /* how many: the file, and the older ones as FILE.1, FILE.2, ...; default 1 */
} cvy_fit_options;

/* Trains on the images and labels of a data set. Another fit goes on where the last one ended: weights, optimizer state
 * and epoch count. On CVY_INTERRUPTED the model holds the weights of the last whole step; on CVY_DIVERGED those after
 * the last whole epoch. An optimizer with use_ema leaves the moving average of the weights when the fit has reached its
 * end. */
CVY_API void cvy_fit(cvy_model *model, const cvy_dataset *dataset, const cvy_fit_options *options, cvy_status *status);

/* The profile of a model with cvy_compile_options.profile, after some training. One free() frees all of it. */
CVY_API cvy_profile *cvy_profile_read(const cvy_model *model, cvy_status *status);

/* Means over all images of a data set. */
typedef struct cvy_evaluation {
    double loss, accuracy;
} cvy_evaluation;

CVY_API cvy_evaluation cvy_evaluate(cvy_model *model, const cvy_dataset *dataset, cvy_status *status);

/* Writes the softmax of images first .. first + count - 1 to probabilities [count][classes]; labels are not needed.
 * Arguments that make no sense leave probabilities as they were. */
CVY_API void cvy_predict(cvy_model *model, const cvy_dataset *dataset, size_t first, size_t count, float *probabilities,
                         cvy_status *status);

/* What a compiled model is and uses; 0 or NULL before cvy_compile. Texts belong to the model. */
CVY_API int cvy_classes(const cvy_model *model);
CVY_API int cvy_threads(const cvy_model *model);     /* in the last fit; before one, in a fit with batches of 32 */
CVY_API const char *cvy_isa(const cvy_model *model); /* the instruction set in use: "avx2" */
/* How many threads a fit with batches of that size takes (0: of 32), why, and where they are kept, in words: "2
 * threads: 2 of 2 cores, each bound to its core", or "1 thread: a batch of 16 is 1 block of 16 images". Valid until the
 * next call. */
CVY_API const char *cvy_threads_text(cvy_model *model, int batch_size);
/* How many more threads the last run wanted than the system started (a limit on processes, no memory): it went on
 * without them. 0 as a rule. */
CVY_API int cvy_threads_refused(const cvy_model *model);

/* ---- Weights in memory ------------------------------------------------------------------------------------------ */

/* A variable of a compiled model, in the model's memory: the caller may read and write its values between calls. They
 * are valid until the model is compiled anew or freed. */
typedef struct cvy_array {
    char name[256];  /* Keras's path: "conv2d_1/kernel"; of the optimizer: "adam/conv2d_1_kernel_momentum" */
    int rank;        /* 1 to 4 */
    size_t shape[4]; /* kernels HWIO or (in, out), biases (out) */
    size_t count;    /* of the values: the product of the shape */
    float *values;   /* in C order; NULL: there is no such variable */
} cvy_array;

/* Weight i, counted from 0 in the order of Keras's model.weights. Past the last, values is NULL. */
CVY_API cvy_array cvy_weight(cvy_model *model, int i, cvy_status *status);
/* The optimizer's variable i, counted from 0 in the order of Keras's optimizer.variables, whose first two are left out:
 * the iteration and the learning rate. Past the last, values is NULL. */
CVY_API cvy_array cvy_optimizer_variable(cvy_model *model, int i, cvy_status *status);

/* The optimizer's iteration: how many steps it has done. */
CVY_API uint64_t cvy_iterations(const cvy_model *model);
CVY_API void cvy_set_iterations(cvy_model *model, uint64_t iterations, cvy_status *status);
/* The optimizer's learning rate, before a schedule's factor. on_epoch may set it, too. */
CVY_API double cvy_learning_rate(const cvy_model *model);
CVY_API void cvy_set_learning_rate(cvy_model *model, double learning_rate, cvy_status *status);

/* ---- Save, load ------------------------------------------------------------------------------------------------- */

/* Writes the model to a file, which appears whole or not at all, with the permissions of the file that it replaces. A
 * symbolic link stays, and its target is written. Devices, pipes and write-protected files are an error, and so are
 * weights that hold NaN or infinity. The end of the name chooses the format:
 *
 *   .keras       Keras 3's file: network, weights, optimizer and its state; keras.models.load_model() reads it
 *   .weights.h5  Keras 3's file of weights and the optimizer's state; model.load_weights() reads it
 *   .h5          the same as .keras, in Keras 2's format
 *   .onnx        an ONNX model, opset 17. It takes raw images as floats [batch][height][width][channels]
 *   .c           a file of C99 for microcontrollers: void predict(const float *image, float *probabilities).
 *                It needs no library, no allocation, and no Convoy
 *   any other    safetensors: kernels HWIO and (in, out), named by Keras's paths ("conv2d_1/kernel"). The file
 *                also says the preprocessing, and the network if it is not the lesson's
 *
 * Preprocessing is part of every format but .weights.h5. What a format cannot express of it is an error: deskew,
 * center_crop and test_shift in Keras's files, deskew and test_shift in ONNX, test_shift in C. Keras's files need the
 * module convoy-hdf5.so, which is looked for beside the library, in the directory convoy/ there, and where it was
 * installed, and Debian's package libhdf5-103-1. */
CVY_API void cvy_save(const cvy_model *model, const char *path, cvy_status *status);
/* Reads weights into a compiled model. The file's first bytes tell its format. A file that does not fit, or
 * whose weights hold NaN or infinity, leaves the model as it was.
 *
 * Safetensors go by their names; a Sequential's name before them makes no difference. Where the names do not fit, the
 * layers' numbers or the shapes decide, if they leave no doubt. Keras's files go by the classes of the layers and their
 * order. Those of Keras 3 also bring iteration, learning rate and state of the optimizer, if it is of the model's kind
 * and has the same slots; otherwise the optimizer stays as it was. */
CVY_API void cvy_load(cvy_model *model, const char *path, cvy_status *status);

/* ---- Checkpoints ------------------------------------------------------------------------------------------------ */

/* A checkpoint holds weights, optimizer state and, where a fit was under way, its settings and position. It is a
 * safetensors file with checksums; cvy_load and cvy_recipe_from read it, too. It appears whole or not at all.
 *
 * To go on with a fit: make the model, compile it as it was, load the checkpoint, and call cvy_fit with the same images
 * and options. All then have the bits of a fit that was never interrupted, on any number of threads and any instruction
 * set. Other images or options are an error that names what differs; the number of epochs may be another. */
CVY_API void cvy_checkpoint_save(cvy_model *model, const char *path, cvy_status *status);
/* A file that is damaged, or of another network or optimizer, leaves the model as it was. */
CVY_API void cvy_checkpoint_load(cvy_model *model, const char *path, cvy_status *status);

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

/* A built-in recipe, a file in the form of those in recipes/, or what a checkpoint holds; NULL is the lesson's.
 * cvy_recipe_free frees it, and the texts that cvy_recipe_from put in its fields. */
CVY_API cvy_recipe *cvy_recipe_from(const char *name_or_file, cvy_status *status);
CVY_API void cvy_recipe_free(cvy_recipe *recipe);
/* The name of built-in recipe i, counted from 0; NULL past the last. */
CVY_API const char *cvy_recipe_name(int i);
/* A model of its network, with its preprocessing. */
CVY_API cvy_model *cvy_recipe_model(const cvy_recipe *recipe, cvy_status *status);

#ifdef __cplusplus
}
#endif

#endif
