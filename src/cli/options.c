#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long returns: HELP, or FIRST plus the option's index in the table. */
enum { OPTIONS_MAX = 32, HELP = 256, FIRST };

static void print_indented(const char *text, int column) {
    for (const char *end; (end = strchr(text, '\n')); text = end + 1)
        printf("%.*s\n%*s", (int)(end - text), text, column, "");
    puts(text);
}

static void print_help(const cli_syntax *syntax) {
    enum { COLUMN = 30 };
    printf("Usage: convoy %s\n\n%s\n\n", syntax->usage, syntax->about);
    for (int i = 0; i < syntax->count; i++) {
        const cli_option *option = &syntax->options[i];
        int used =
            printf("  --%s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
        printf("%s%*s", used < COLUMN ? "" : "\n", used < COLUMN ? COLUMN - used : COLUMN, "");
        print_indented(option->help, COLUMN);
    }
    printf("  %-*s%s\n\nExamples:\n  ", COLUMN - 2, "--help", "print this help");
    print_indented(syntax->examples, 2);
}

static bool parse_whole(const cli_option *option, const char *where, const char *text, cvy_status *status) {
    if (option->word && !strcmp(text, option->word)) {
        *(int *)option->value = 0;
        return true;
    }
    const cvy_value range = {CVY_WHOLE, (double)option->low, (double)option->high, NULL};
    return cvy_value_parse(&range, (cvy_span){text, (int)strlen(text)}, option->value) ||
           cvy_fail(status, CVY_USAGE, where, "\"%s\" is not a whole number from %ld to %ld%s%s", text, option->low,
                    option->high, option->word ? ", nor " : "", option->word ? option->word : "");
}

static bool parse_seed(const cli_option *option, const char *where, const char *text, cvy_status *status) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || number > UINT64_MAX)
        return cvy_fail(status, CVY_USAGE, where, "\"%s\" is not a whole number from 0 to %" PRIu64, text, UINT64_MAX);
    *(uint64_t *)option->value = number;
    return true;
}

static bool parse_real(const cli_option *option, const char *where, const char *text, cvy_status *status) {
    return cvy_value_parse(option->range, (cvy_span){text, (int)strlen(text)}, option->value) ||
           cvy_fail(status, CVY_USAGE, where, "\"%s\" is not %s", text, option->range->expected);
}

static bool parse_value(const cli_option *option, const char *where, const char *text, cvy_status *status) {
    if (option->given)
        *option->given = true;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->value = true;
        return true;
    case CLI_TEXT:
        if (!*text)
            return cvy_fail(status, CVY_USAGE, where, "the value is empty; expected %s", option->argument);
        *(const char **)option->value = text;
        return true;
    case CLI_WHOLE:
        return parse_whole(option, where, text, status);
    case CLI_SEED:
        return parse_seed(option, where, text, status);
    case CLI_REAL:
        return parse_real(option, where, text, status);
    }
    return false;
}

/* An option that getopt_long did not take: unknown, an ambiguous beginning of several, or a single letter. */
static bool fail_unknown(const cli_syntax *syntax, const char *word, cvy_status *status) {
    char where[64];
    snprintf(where, sizeof where, "%.*s", (int)strcspn(word, "="), word);
    const char *letters = where + strspn(where, "-");
    int beginnings = 0;
    cli_nearest nearest = cli_nearest_to(letters);
    for (int i = 0; i < syntax->count; i++) {
        beginnings += !strncmp(syntax->options[i].name, letters, strlen(letters));
        cli_nearest_try(&nearest, syntax->options[i].name);
    }
    if (*letters && beginnings > 1)
        return cvy_fail(status, CVY_USAGE, where, "%d options begin like this", beginnings);
    if (nearest.name)
        return cvy_fail(status, CVY_USAGE, where, "no such option; did you mean --%s?", nearest.name);
    return cvy_fail(status, CVY_USAGE, where, "no such option");
}

/* One return value of getopt_long; false when parsing is over. */
static bool take(const cli_syntax *syntax, int code, char **argv, cvy_status *status) {
    int index = (code == ':' || code == '?' ? optopt : code) - FIRST;
    bool known = index >= 0 && index < syntax->count;
    char where[64];
    if (known)
        snprintf(where, sizeof where, "--%s", syntax->options[index].name);
    if (code == HELP) {
        print_help(syntax);
        return false;
    }
    if (code == ':' && known)
        return cvy_fail(status, CVY_USAGE, where, "the value is missing; expected %s", syntax->options[index].argument);
    if (code == '?' && known)
        return cvy_fail(status, CVY_USAGE, where, "takes no value");
    if (!known)
        return fail_unknown(syntax, argv[optind - 1], status);
    return parse_value(&syntax->options[index], where, optarg, status);
}

static bool take_operands(const cli_syntax *syntax, int argc, char **argv, cvy_status *status) {
    const int most = sizeof syntax->operands / sizeof syntax->operands[0];
    for (int i = 0; i < most && syntax->operands[i].name; i++) {
        if (optind == argc)
            return cvy_fail(status, CVY_USAGE, syntax->operands[i].name, "missing");
        *syntax->operands[i].value = argv[optind++];
    }
    return optind == argc || cvy_fail(status, CVY_USAGE, argv[optind], "unexpected argument");
}

bool cli_parse(const cli_syntax *syntax, int argc, char **argv, cvy_status *status) {
    struct option table[OPTIONS_MAX + 2] = {{"help", no_argument, NULL, HELP}};
    for (int i = 0; i < syntax->count && i < OPTIONS_MAX; i++)
        table[i + 1] =
            (struct option){syntax->options[i].name,
                            syntax->options[i].kind == CLI_FLAG ? no_argument : required_argument, NULL, FIRST + i};
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, ":", table, NULL)) != -1;)
        if (!take(syntax, code, argv, status))
            return false;
    if (!take_operands(syntax, argc, argv, status))
        return false;
    for (int i = 0; i < syntax->count; i++) {
        const cli_option *option = &syntax->options[i];
        if (option->required && !*(const char **)option->value) {
            char where[64];
            snprintf(where, sizeof where, "--%s", option->name);
            return cvy_fail(status, CVY_USAGE, where, "missing; expected %s", option->argument);
        }
    }
    return true;
}

const cli_option cli_option_model = {"model", "NAME|FILE.json",
                                     "lesson (default), lesson-avg, lenet5, or a file that Keras's\n"
                                     "model.to_json() wrote",
                                     CLI_TEXT};

const cli_option cli_option_preprocess = {"preprocess", "KEY[=VALUE],...",
                                          "preprocessing of every image: deskew, center_crop=H[xW],\n"
                                          "scale=S, offset=O, mean=M, variance=V, average_pooling=H[xW],\n"
                                          "test_shift=N, or none (default: none, or that of the weights)",
                                          CLI_TEXT};

const cli_option cli_option_data = {"data", "DIR|FILE.npz",
                                    "the images: an .npz file with x_train, y_train, x_test and\n"
                                    "y_test, or a directory with IDX files of MNIST or EMNIST, plain\n"
                                    "or .gz, mnist.npz, x_train.npy and so on, CIFAR-10's .bin files,\n"
                                    "or PNG images by class (train/CLASS/*.png, test/CLASS/*.png)\n"
                                    "(default: MNIST in $XDG_CACHE_HOME/convoy, else ~/.cache/convoy,\n"
                                    "then the directories of Keras and torchvision)",
                                    CLI_TEXT};

const cli_option cli_option_optimizer = {"optimizer", "NAME[:KEY=VALUE,...]",
                                         "sgd, rmsprop (default), adam or adamw, with Keras's settings,\n"
                                         "as in sgd:lr=0.1,momentum=0.9",
                                         CLI_TEXT};

const cli_option cli_option_threads = {"threads",
                                       "N|auto",
                                       "use at most N threads; the result has the same bits with any\n"
                                       "number (default auto: one thread a core that this process may\n"
                                       "use, but no more than the batch has blocks of 16 images)",
                                       CLI_WHOLE,
                                       .low = 1,
                                       .high = 1024,
                                       .word = "auto"};

const cli_option cli_option_layout = {"layout", "NAME",
                                      "layout of the images in the network: hwc16n, or nhwc for\n"
                                      "inference; the result has the same bits in both (default: by\n"
                                      "the number of images, see \"convoy summary --plan\")",
                                      CLI_TEXT};

const cli_option cli_option_isa = {"isa", "NAME",
                                   "scalar, avx2, avx512 or neon; the result has the same bits on\n"
                                   "all (default: $CONVOY_ISA, else the best of this machine)",
                                   CLI_TEXT};

cli_option cli_option_for(cli_option option, void *value) {
    option.value = value;
    return option;
}

/* Levenshtein's distance; UINT_MAX for long words. */
static unsigned distance(const char *a, const char *b) {
    enum { LONGEST = 31 };
    unsigned row[LONGEST + 1];
    size_t length = strlen(b);
    if (strlen(a) > LONGEST || length > LONGEST)
        return UINT_MAX;
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= length; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[length];
}

cli_nearest cli_nearest_to(const char *word) {
    /* A third of the letters wrong, and at least one right. */
    return (cli_nearest){word, NULL, (unsigned)(strlen(word) + 2) / 3 + 1};
}

void cli_nearest_try(cli_nearest *nearest, const char *name) {
    unsigned d = distance(nearest->word, name);
    if (d < nearest->distance && d < strlen(name)) {
        nearest->name = name;
        nearest->distance = d;
    }
}
