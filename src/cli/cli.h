/* The commands of the program `convoy`. */
#ifndef CLI_H
#define CLI_H

#include "../base/status.h"
#include "../convoy.h"

typedef struct cli_command {
    const char *name, *purpose;
    /* argv[0] is the command's name. The status tells the error; its code becomes the exit code. */
    void (*run)(int argc, char **argv, cvy_status *status);
} cli_command;

extern const cli_command cli_train, cli_recipes, cli_evaluate, cli_predict, cli_convert, cli_summary, cli_verify,
    cli_info;

#endif
