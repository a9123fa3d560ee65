#include "session.h"

#include "../base/status.h"

#include <string.h>

#include "output.h"

void cli_session_options(cli_session *session, cli_option options[static CLI_SESSION_OPTIONS]) {
    const cli_option common[CLI_SESSION_OPTIONS] = {
        {"weights", "FILE", "weights that \"convoy train --save\" wrote", CLI_TEXT, .value = &session->weights,
         .required = true},
        {"model", "NAME|FILE.json",
         "network, by name or as a file that Keras's model.to_json()\n"
         "wrote (default: the network that the weights were saved from)",
         CLI_TEXT, .value = &session->network},
        cli_option_for(cli_option_preprocess, &session->preprocessing),
        cli_option_for(cli_option_data, &session->data),
        {"time", NULL, "also print how long a call takes, without loading", CLI_FLAG, .value = &session->timed},
        cli_option_for(cli_option_threads, &session->compile.threads),
        cli_option_for(cli_option_layout, &session->compile.layout),
        cli_option_for(cli_option_isa, &session->compile.isa),
    };
    memcpy(options, common, sizeof common);
}

/* Compiles for inference: the optimizer does not matter, and the loss is the model's own unless it is not supported. */
static void compile(cli_session *session, cvy_status *status) {
    cvy_status trial = {0};
    session->compile.optimizer = "rmsprop";
    cvy_compile(session->model, &session->compile, &trial);
    if (cvy_ok(&trial))
        return;
    session->compile.loss = "categorical_crossentropy";
    cvy_compile(session->model, &session->compile, status);
}

bool cli_session_open(cli_session *session, cvy_split split, cvy_status *status) {
    session->dataset = cvy_dataset_load(session->data, split, status);
    session->model =
        session->network ? cvy_model_from(session->network, status) : cvy_model_from_weights(session->weights, status);
    compile(session, status);
    cvy_load(session->model, session->weights, status);
    if (session->preprocessing)
        cvy_preprocess(session->model, session->preprocessing, status);
    return cvy_ok(status);
}

void cli_session_close(cli_session *session) {
    cli_warn_threads(session->model);
    cvy_model_free(session->model);
    cvy_dataset_free(session->dataset);
}
