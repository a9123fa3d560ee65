/* Types of Convoy that its public functions and its inner rooms share. Included by convoy.h. */
#ifndef CONVOY_TYPES_H
#define CONVOY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values are also the exit codes of the program convoy. */
typedef enum cvy_code {
    CVY_OK = 0,
    CVY_FAILED = 1,       /* bad input, a failed system call, no memory */
    CVY_USAGE = 2,        /* an argument or option that makes no sense */
    CVY_DIVERGED = 3,     /* NaN or infinity in loss, gradient or parameters */
    CVY_INTERRUPTED = 130 /* stopped by the caller (cvy_fit_options.stop, a callback) */
} cvy_code;

/* What went wrong, unless code is CVY_OK: `where` names the file, layer, argument or field of an option struct, `what`
 * says what was found and what was expected. A program begins with a status of zeros. */
typedef struct cvy_status {
    cvy_code code;
    char where[512];
    char what[2048];
} cvy_status;

/* Images in NHWC, uint8 or float, and a class label for each unless it has none. */
typedef struct cvy_dataset cvy_dataset;

typedef enum cvy_split { CVY_TRAIN, CVY_TEST } cvy_split;

/* Time that training spent in one phase of a layer (or of several layers that are one operation), or of a whole step.
 */
typedef struct cvy_profile_row {
    char layers[304]; /* "conv2d, max_pooling2d"; empty: the step */
    char phase[32];   /* "forward", "backward weights", "backward data", "wait for gradients", ... */
    double seconds;   /* the mean over the threads */
    double flop;      /* floating-point operations; multiply-adds are counted as if every number were used; 0: none */
} cvy_profile_row;

/* Where the time of all steps since cvy_compile went. The seconds of the rows sum to `seconds`. */
typedef struct cvy_profile {
    int threads;
    size_t steps, images;
    double seconds;       /* of the epochs, on the clock */
    double peak;          /* floating-point operations a second that multiply-adds reach on one core */
    int rows;             /* length of row */
    cvy_profile_row *row; /* [rows], in the same block of memory as this struct */
} cvy_profile;

#endif
