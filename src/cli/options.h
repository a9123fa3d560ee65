/* Options of a command: one table from which they are parsed and explained. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "../base/settings.h"

typedef enum cli_kind {
    CLI_FLAG,  /* bool, takes no value */
    CLI_TEXT,  /* const char * */
    CLI_WHOLE, /* int, low .. high */
    CLI_SEED,  /* uint64_t, any */
    CLI_REAL,  /* double, in the range */
} cli_kind;

typedef struct cli_option {
    const char *name;     /* without the dashes */
    const char *argument; /* as the help shows its value */
    const char *help;     /* a newline continues on the next line */
    cli_kind kind;
    void *value;            /* holds the default, and after parsing what the user gave */
    long low, high;         /* CLI_WHOLE */
    const char *word;       /* CLI_WHOLE: stands for 0; NULL: none */
    const cvy_value *range; /* CLI_REAL */
    bool required;          /* CLI_TEXT */
    bool *given;            /* set where the user gave it; may be NULL */
} cli_option;

typedef struct cli_syntax {
    const char *usage; /* "verify GOLDEN.safetensors [OPTION]..." */
    const char *about;
    const char *examples; /* one a line */
    const cli_option *options;
    int count;
    struct {
        const char *name; /* NULL: takes no more operands */
        const char **value;
    } operands[2];
} cli_syntax;

/* Parses a command's arguments. False when the command is over: on an error, or after --help. */
bool cli_parse(const cli_syntax *syntax, int argc, char **argv, cvy_status *status);

/* Options that several commands share, without the value. */
extern const cli_option cli_option_model, cli_option_preprocess, cli_option_data, cli_option_optimizer,
    cli_option_threads, cli_option_layout, cli_option_isa;

/* The option with a command's own value. */
cli_option cli_option_for(cli_option option, void *value);

/* Of the names tried, the one that `word` is most likely a misspelling of; NULL if none is near. */
typedef struct cli_nearest {
    const char *word, *name;
    unsigned distance;
} cli_nearest;

cli_nearest cli_nearest_to(const char *word);
void cli_nearest_try(cli_nearest *nearest, const char *name);

#endif
