/* Optimizers with Keras's formulas and defaults: settings, state, and updates of slices of the parameters.
 *
 * SGD: Robbins, Monro, 1951, with momentum and Nesterov's momentum as in Sutskever et al., ICML 2013. RMSprop:
 * Tieleman, Hinton, lecture 6.5, 2012. Adam: Kingma, Ba, ICLR 2015; amsgrad: Reddi et al., ICLR 2018. AdamW:
 * Loshchilov, Hutter, ICLR 2019; Keras has its weight decay in every optimizer. kernels.h states the formulas in the
 * order of computation. */
#ifndef CVY_OPTIMIZER_H
#define CVY_OPTIMIZER_H

#include "../../kernels/kernels.h"
#include "../base/settings.h"

typedef enum cvy_optimizer_kind { CVY_SGD, CVY_RMSPROP, CVY_ADAM, CVY_ADAMW } cvy_optimizer_kind;

/* Settings as the user gives them; names are Keras's. */
typedef struct cvy_optimizer_settings {
    cvy_optimizer_kind kind;
    double learning_rate;  /* > 0 */
    double momentum;       /* sgd, rmsprop: 0 to 1 */
    bool nesterov;         /* sgd */
    double rho;            /* rmsprop: 0 <= rho < 1 */
    bool centered;         /* rmsprop */
    double beta_1, beta_2; /* adam, adamw: 0 <= beta < 1 */
    bool amsgrad;          /* adam, adamw */
    double epsilon;        /* rmsprop, adam, adamw: >= 0 */
    double weight_decay;   /* >= 0, decoupled: not part of the gradient */
    bool use_ema;          /* at the end of a fit the parameters become their moving average */
    double ema_momentum;   /* 0 <= momentum < 1 */
} cvy_optimizer_settings;

/* Parses NAME[:KEY=VALUE,...] as base/settings.h says: sgd, rmsprop, adam, adamw; keys as above, "lr" for
 * learning_rate. What is not given has Keras's default. Errors leave the settings as they were. */
bool cvy_optimizer_parse(const char *text, cvy_optimizer_settings *settings, cvy_status *status);

/* A key of that optimizer: its field in cvy_optimizer_settings, its type and range. NULL if it has no such key. */
const cvy_key *cvy_optimizer_key(cvy_optimizer_kind kind, const char *name);

/* The text that gives these settings when it is parsed, with the learning rate and what is not Keras's default. */
enum { CVY_OPTIMIZER_TEXT_MAX = 320 };
void cvy_optimizer_text(const cvy_optimizer_settings *settings, char text[static CVY_OPTIMIZER_TEXT_MAX]);

/* Whether every number is in its range; the error names the first that is not. */
bool cvy_optimizer_check(const cvy_optimizer_settings *settings, cvy_status *status);

const char *cvy_optimizer_name(cvy_optimizer_kind kind);       /* "SGD", "RMSprop", ... */
const char *cvy_optimizer_snake_name(cvy_optimizer_kind kind); /* as in Keras's paths: "sgd", "rm_sprop", ... */

enum { CVY_OPTIMIZER_SLOTS = 4 };

/* The number of state floats for each parameter: 0..4. The last is the moving average, with use_ema. */
int cvy_optimizer_slots(const cvy_optimizer_settings *settings);

/* Keras's name of a slot: "momentum", "velocity", "average", ... */
const char *cvy_optimizer_slot_name(const cvy_optimizer_settings *settings, int slot);

/* The number of an optimizer's own variables as Keras's model.summary() counts them: the slots of all parameters, the
 * iteration and the learning rate. */
long cvy_optimizer_parameters(const cvy_optimizer_settings *settings, size_t parameters);

/* An optimizer over `floats` parameters: the state, and the rule of the coming step. */
typedef struct cvy_optimizer {
    cvy_optimizer_settings settings;
    float *state[CVY_OPTIMIZER_SLOTS]; /* [floats] each, zero at first; NULL beyond cvy_optimizer_slots */
    uint64_t step;                     /* steps done */
    /* Keras rounds both to float before it raises them to a power, also in float64 runs: with the default beta_2 the
     * first step's alpha is 6.4e-6 smaller. They are stored as floats because gcc 12 drops the rounding of a double to
     * float to double conversion when it vectorises. */
    float beta_1, beta_2;
    double beta_1_power, beta_2_power; /* beta^step, by repeated multiplication: the same on every machine */
    union {
        cvy_sgd sgd;
        cvy_rmsprop rmsprop;
        cvy_adam adam;
    } rule;
    float ema_rate; /* 1 - momentum; 1 in the first step, which starts the average */
} cvy_optimizer;

/* Checks the settings and allocates the state. On an error there is nothing to destroy. */
bool cvy_optimizer_create(cvy_optimizer *optimizer, const cvy_optimizer_settings *settings, size_t floats,
                          cvy_status *status);

/* Frees the state. */
void cvy_optimizer_destroy(cvy_optimizer *optimizer);

/* As if so many steps were done; the state stays as it is. */
void cvy_optimizer_set_step(cvy_optimizer *optimizer, uint64_t step);

/* Begins a step: counts it and computes its rule in double, rounded to float once. One thread calls it before the
 * updates of that step. */
void cvy_optimizer_begin(cvy_optimizer *optimizer, double learning_rate);

/* Updates parameters[first .. first + count) from the gradient of these; both are multiples of 16. Returns whether all
 * values stayed finite. */
bool cvy_optimizer_update(const cvy_optimizer *optimizer, const cvy_kernels *kernels, size_t first, size_t count,
                          const float *gradient, float *parameters);

/* Ends a training: with use_ema, replaces the parameters by their moving average, as Keras does. */
void cvy_optimizer_finish(const cvy_optimizer *optimizer, size_t floats, float *parameters);

#endif
