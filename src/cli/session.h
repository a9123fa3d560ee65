/* What most commands begin with: a model, compiled, with weights. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "../base/status.h"

/* A compiled model, its weights loaded from a file if that is not NULL; NULL on an error. */
cvy_model *cli_model_ready(const char *name_or_file, const cvy_compile_options *compile, const char *weights,
                           cvy_status *status);

#endif
