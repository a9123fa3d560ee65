/* What evaluate and predict have in common: options, a compiled model with saved weights, and a data set. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "../convoy.h"
#include "options.h"

typedef struct cli_session {
    const char *weights, *network, *preprocessing, *data; /* NULL: not given */
    cvy_compile_options compile;                          /* a loss stands here if that of the model is not supported */
    bool timed;                                           /* --time */
    cvy_model *model;
    cvy_dataset *dataset;
} cli_session;

enum { CLI_SESSION_OPTIONS = 8 };

/* Fills in the common options, which point into the session. */
void cli_session_options(cli_session *session, cli_option options[static CLI_SESSION_OPTIONS]);

/* Loads the data set and the model. Without --model the network is the one that the weights were saved from; without
 * --preprocess the preprocessing is what the weights' file says. On an error the session is still to be closed. */
bool cli_session_open(cli_session *session, cvy_split split, cvy_status *status);

/* Says if threads were missing. Frees the model and the data set. */
void cli_session_close(cli_session *session);

#endif
