/* What most commands begin with: a model, compiled, with weights. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "../base/status.h"

/* A compiled model with weights from a file, of a network by name or file, or if that is NULL of the one that the file
 * is of. preprocessing, if not NULL, replaces what the file says. NULL on an error. */
cvy_model *cli_model_ready(const char *name_or_file, const cvy_compile_options *compile, const char *weights,
                           const char *preprocessing, cvy_status *status);

#endif
