/* convoy: finds the command, runs it, and turns its status into a message and an exit code. */
#include "cli.h"
#include "options.h"
#include "output.h"
#include "stop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const cli_command *const commands[] = {&cli_train,   &cli_recipes, &cli_evaluate, &cli_predict,
                                              &cli_convert, &cli_summary, &cli_verify,   &cli_info};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *stream) {
    fprintf(stream, "Usage: convoy COMMAND [OPTION]...\n\n"
                    "Trains small convolutional networks on CPUs. The commands:\n\n");
    for (int c = 0; c < COMMANDS; c++)
        fprintf(stream, "  %-10s %s\n", commands[c]->name, commands[c]->purpose);
    fprintf(stream, "\n\"convoy COMMAND --help\" explains a command, \"convoy --version\" prints the version.\n"
                    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 diverged, 130 interrupted, 143 terminated.\n");
}

static const cli_command *find_command(const char *name) {
    for (int c = 0; c < COMMANDS; c++)
        if (!strcmp(commands[c]->name, name))
            return commands[c];
    return NULL;
}

static void fail_command(const char *name, cvy_status *status) {
    cli_nearest nearest = cli_nearest_to(name);
    for (int c = 0; c < COMMANDS; c++)
        cli_nearest_try(&nearest, commands[c]->name);
    if (nearest.name)
        cvy_fail(status, CVY_USAGE, name, "no such command; did you mean \"%s\"?", nearest.name);
    else
        cvy_fail(status, CVY_USAGE, name, "no such command");
}

/* The option that sets a field of convoy.h, which the library's errors name. NULL if there is none. */
static const char *option_of(const char *field) {
    static const char *const options[][2] = {
        {"isa", "--isa"},
        {"layout", "--layout"},
        {"optimizer", "--optimizer"},
        {"preprocessing", "--preprocess"},
        {"schedule", "--schedule"},
        {"target_accuracy", "--target-accuracy"},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (!strcmp(options[i][0], field))
            return options[i][1];
    return NULL;
}

/* Prints the message of an error. Returns the exit code. */
static int conclude(const cvy_status *status, const char *command) {
    if (cli_stop == SIGPIPE)
        return 128 + SIGPIPE; /* nobody reads a message any more */
    const char *option = status->code == CVY_USAGE ? option_of(status->where) : NULL;
    if (status->code != CVY_OK)
        fprintf(stderr, "convoy: %s: %s\n", option ? option : status->where, status->what);
    if (status->code == CVY_USAGE)
        fprintf(stderr, "Try \"convoy%s%s --help\".\n", command ? " " : "", command ? command : "");
    if (status->code == CVY_INTERRUPTED && cli_stop)
        return 128 + cli_stop;
    return (int)status->code;
}

int main(int argc, char **argv) {
    cli_prepare_output();
    /* SIGPIPE ends the program even if its parent ignores the signal. */
    signal(SIGPIPE, SIG_DFL);

    const char *word = argc > 1 ? argv[1] : NULL;
    const cli_command *command = word ? find_command(word) : NULL;
    cvy_status status = {0};
    if (command)
        command->run(argc - 1, argv + 1, &status);
    else if (!word)
        cvy_fail(&status, CVY_USAGE, "command",
                 "missing; expected train, recipes, evaluate, predict, convert, summary, verify or info");
    else if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"))
        print_usage(stdout);
    else if (!strcmp(word, "--version") || !strcmp(word, "-V"))
        printf("convoy %s\n", cvy_version());
    else
        fail_command(word, &status);

    cli_flush(&status);
    return conclude(&status, command ? command->name : NULL);
}
