/* convoy train: without options, the lesson. */
#include "../api/model.h"
#include "../base/number.h"
#include "../io/atomic_file.h"
#include "../model/network.h"
#include "cli.h"
#include "options.h"
#include "output.h"
#include "profile.h"
#include "progress.h"
#include "stop.h"
#include "table.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct train_options {
    const char *recipe, *model, *weights, *data, *preprocessing, *optimizer, *schedule, *layout, *isa, *save, *log;
    const char *checkpoint, *checkpoint_every, *resume;
    int epochs, images, batch, random_shift, threads, keep;
    double learning_rate, label_smoothing, validation, target;
    uint64_t seed;
    bool random_shift_given, label_smoothing_given, seed_given;
    bool json, profile;
} train_options;

/* A training under way. */
typedef struct training {
    train_options options;
    cvy_recipe *recipe; /* the options override its fields */
    cvy_dataset *train, *test;
    cvy_model *model;
    FILE *log;
    cli_progress progress;
    int epochs, whole_epochs;
    bool exploded;     /* a loss was far above chance, which was said */
    bool stepped;      /* at least one step is done */
    double seconds;    /* duration of the whole epochs */
    cvy_status output; /* an error in writing to standard output or the log */
} training;

static bool parse(train_options *o, int argc, char **argv, cvy_status *status) {
    static const cvy_value target = {CVY_NUMBER, DBL_MIN, 1, "a number above 0, up to 1"};
    cli_option options[] = {
        {"recipe", "NAME|FILE.json",
         "recipe to train by, a name that \"convoy recipes\" lists or a file\n"
         "(default lesson); every other option overrides its part of it",
         CLI_TEXT, .value = &o->recipe},
        cli_option_for(cli_option_model, &o->model),
        cli_option_for(cli_option_data, &o->data),
        cli_option_for(cli_option_preprocess, &o->preprocessing),
        {"shift", "N", "shift training images at random by up to N pixels (default 0)", CLI_WHOLE,
         .value = &o->random_shift, .low = 0, .high = 8, .given = &o->random_shift_given},
        {"epochs", "N", "number of epochs (default 10)", CLI_WHOLE, .value = &o->epochs, .low = 1, .high = 1000000},
        {"images", "N", "number of images to train on, instead of epochs", CLI_WHOLE, .value = &o->images, .low = 1,
         .high = 2000000000},
        {"batch", "N", "images a step (default 32)", CLI_WHOLE, .value = &o->batch, .low = 1, .high = 1000000000},
        cli_option_for(cli_option_optimizer, &o->optimizer),
        {"lr", "RATE", "learning rate (default: the optimizer's)", CLI_REAL, .value = &o->learning_rate,
         .range = &cvy_value_positive},
        {"schedule", "NAME[:KEY=VALUE,...]",
         "schedule of the learning rate: constant (default), linear,\n"
         "cosine, onecycle or piecewise, as in linear:warmup=0.1",
         CLI_TEXT, .value = &o->schedule},
        {"label-smoothing", "S", "spread S of a label over all classes (default 0)", CLI_REAL,
         .value = &o->label_smoothing, .range = &cvy_value_up_to_one, .given = &o->label_smoothing_given},
        {"seed", "N", "seed of initial weights, shuffles, shifts and dropout (default 0)", CLI_SEED, .value = &o->seed,
         .given = &o->seed_given},
        cli_option_for(cli_option_threads, &o->threads),
        cli_option_for(cli_option_layout, &o->layout),
        cli_option_for(cli_option_isa, &o->isa),
        {"validation", "FRACTION",
         "hold out the last part of the training images and evaluate on\nthem after each epoch", CLI_REAL,
         .value = &o->validation, .range = &cvy_value_below_one},
        {"target-accuracy", "A", "stop after the epoch whose validation accuracy reaches A", CLI_REAL,
         .value = &o->target, .range = &target},
        {"weights", "FILE", "weights to start from (default: initial weights from the seed)", CLI_TEXT,
         .value = &o->weights},
        {"save", "FILE",
         "write the weights (safetensors) at the end, also when the\n"
         "training is interrupted, but weights of less than an epoch\n"
         "replace no file; FILE may be a link, but no device or pipe",
         CLI_TEXT, .value = &o->save},
        {"checkpoint", "FILE",
         "write a checkpoint after every epoch, and when the training is\n"
         "interrupted; --resume goes on from it",
         CLI_TEXT, .value = &o->checkpoint},
        {"checkpoint-every", "N", "after every N epochs, N steps or Ns (seconds), as in 5epochs,\n1000steps or 60s",
         CLI_TEXT, .value = &o->checkpoint_every},
        {"keep", "N", "keep the last N checkpoints: FILE, FILE.1, FILE.2, ... (default 1)", CLI_WHOLE,
         .value = &o->keep, .low = 1, .high = 1000},
        {"resume", "FILE",
         "go on with the training of a checkpoint, with its settings, to the\n"
         "same bits as without the interruption; only the number of epochs,\n"
         "threads and the instruction set may be others",
         CLI_TEXT, .value = &o->resume},
        {"log", "FILE.csv", "write a row an epoch", CLI_TEXT, .value = &o->log},
        {"profile", NULL,
         "print the time of the training by layer and phase; with --json, as\nan object before the last", CLI_FLAG,
         .value = &o->profile},
        {"json", NULL, "print a JSON object an epoch and one at the end, nothing else", CLI_FLAG, .value = &o->json},
    };
    cli_syntax syntax = {
        .usage = "train [OPTION]...",
        .about = "Trains a network and evaluates it on the test images. Without options it is the lesson:\n"
                 "a small convolutional network, ten epochs of MNIST, RMSprop. With --model and no --recipe,\n"
                 "optimizer, learning rate, loss and label smoothing are those of the file if it is compiled.",
        .examples = "convoy train\n"
                    "convoy train --recipe fast-99\n"
                    "convoy train --epochs 3 --seed 7 --save lesson.safetensors\n"
                    "convoy train --checkpoint run.checkpoint --checkpoint-every 60s\n"
                    "convoy train --resume run.checkpoint --checkpoint run.checkpoint\n"
                    "convoy train --model lenet5 --optimizer sgd:lr=0.1,momentum=0.9 --validation 0.1 --json",
        .options = options,
        .count = sizeof options / sizeof options[0],
    };
    return cli_parse(&syntax, argc, argv, status);
}

static bool flush_log(training *t, cvy_status *status) {
    return (!ferror(t->log) && !fflush(t->log)) || cvy_fail_errno(status, t->options.log, "cannot write");
}

static bool open_log(training *t, cvy_status *status) {
    t->log = fopen(t->options.log, t->options.resume ? "a" : "w");
    if (!t->log)
        return cvy_fail_errno(status, t->options.log, "cannot create");
    if (fseek(t->log, 0, SEEK_END) == 0 && ftell(t->log) > 0)
        return true; /* the rows of the training that goes on */
    fprintf(t->log, "epoch,seconds,loss,accuracy%s\n", t->options.validation > 0 ? ",val_loss,val_accuracy" : "");
    return flush_log(t, status);
}

static void log_epoch(training *t, const cvy_progress *now) {
    fprintf(t->log, "%d,%.6f,%.9g,%.9g", now->epoch, now->seconds, now->loss, now->accuracy);
    if (t->options.validation > 0)
        fprintf(t->log, ",%.9g,%.9g", now->val_loss, now->val_accuracy);
    fputc('\n', t->log);
    flush_log(t, &t->output);
}

/* JSON knows neither NaN nor infinity. */
static void print_member(const char *name, double value) {
    if (isfinite(value))
        printf(", \"%s\": %.9g", name, value);
    else
        printf(", \"%s\": null", name);
}

static void print_json_epoch(const cvy_progress *now) {
    printf("{\"epoch\": %d", now->epoch);
    print_member("seconds", now->seconds);
    print_member("loss", now->loss);
    print_member("accuracy", now->accuracy);
    if (now->validated) {
        print_member("val_loss", now->val_loss);
        print_member("val_accuracy", now->val_accuracy);
    }
    puts("}");
}

static bool on_progress(const cvy_progress *now, void *user) {
    training *t = user;
    t->stepped = true;
    t->epochs = now->epochs;
    if (!t->options.json)
        cli_progress_update(&t->progress, now);
    return cli_flush(&t->output);
}

/* Warns once when an epoch's mean loss is a hundred times that of guessing, log(classes). A few steps with fresh
 * weights on pixels from 0 to 255 may cost ten times as much as guessing, and be the begin of a good training. */
static void check_loss(training *t, const cvy_progress *now) {
    const double guessing = log(cvy_classes(t->model));
    if (t->exploded || !(now->loss > 100 * guessing))
        return;
    t->exploded = true;
    cli_progress_break(&t->progress);
    fflush(stdout);
    fprintf(stderr,
            "convoy: the loss of epoch %d is %.4g, that of guessing is %.4g: the training has exploded; a smaller "
            "learning rate (--lr) or images from 0 to 1 (--preprocess scale=1/255) may help\n",
            now->epoch, now->loss, guessing);
}

static bool on_epoch(const cvy_progress *now, void *user) {
    training *t = user;
    t->whole_epochs = now->epoch;
    t->epochs = now->epochs;
    t->seconds += now->seconds;
    if (t->log)
        log_epoch(t, now);
    if (t->options.json)
        print_json_epoch(now);
    else
        cli_progress_finish(&t->progress, now);
    check_loss(t, now);
    return cli_flush(&t->output) && cvy_ok(&t->output);
}

/* Options override the fields of the recipe. A model without a recipe is compiled as its own file says, if it does. */
static void override(const train_options *o, cvy_recipe *recipe) {
    cvy_compile_options *compile = &recipe->compile;
    cvy_fit_options *fit = &recipe->fit;
    if (o->model && !o->recipe) {
        compile->optimizer = NULL;
        compile->label_smoothing = 0;
    }
    if (o->label_smoothing_given && o->label_smoothing == 0)
        compile->loss = "categorical_crossentropy"; /* without it, a 0 would leave the file's smoothing */
    recipe->network = o->model ? o->model : recipe->network;
    recipe->preprocessing = o->preprocessing ? o->preprocessing : recipe->preprocessing;
    compile->optimizer = o->optimizer ? o->optimizer : compile->optimizer;
    compile->learning_rate = o->learning_rate;
    compile->label_smoothing = o->label_smoothing_given ? o->label_smoothing : compile->label_smoothing;
    compile->seed = o->seed_given ? o->seed : compile->seed;
    compile->threads = o->threads;
    compile->isa = o->isa;
    compile->profile = o->profile;
    compile->layout = o->layout;
    if (o->epochs || o->images) {
        fit->epochs = o->epochs;
        fit->images = (size_t)o->images;
    }
    fit->batch_size = o->batch ? o->batch : fit->batch_size;
    fit->random_shift = o->random_shift_given ? o->random_shift : fit->random_shift;
    fit->schedule = o->schedule ? o->schedule : fit->schedule;
    fit->validation_split = o->validation > 0 ? o->validation : fit->validation_split;
    fit->checkpoint = o->checkpoint;
    fit->checkpoint_keep = o->keep;
    fit->target_accuracy = o->target;
}

/* The recipe's model, compiled, with the weights of --weights. Their preprocessing applies unless the recipe or an
 * option has one. */
static cvy_model *make_model(const training *t, cvy_status *status) {
    const cvy_recipe *recipe = t->recipe;
    cvy_model *model = cvy_recipe_model(recipe, status);
    if (recipe)
        cvy_compile(model, &recipe->compile, status);
    if (t->options.weights)
        cvy_load(model, t->options.weights, status);
    if (recipe && recipe->preprocessing)
        cvy_preprocess(model, recipe->preprocessing, status);
    if (t->options.resume)
        cvy_checkpoint_load(model, t->options.resume, status);
    return model;
}

static bool is_builtin_recipe(const char *name) {
    const char *known;
    for (int i = 0; (known = cvy_recipe_name(i)); i++)
        if (!strcmp(known, name))
            return true;
    return false;
}

/* Weights may be saved where they came from: they are read before the training. */
static bool check_files(const train_options *o, cvy_status *status) {
    const bool recipe_is_file = o->recipe && !is_builtin_recipe(o->recipe);
    const bool model_is_file = o->model && !cvy_network_is_builtin(o->model);
    const cli_file save = {"--save", o->save}, log = {"--log", o->log}, out = {"standard output", "/proc/self/fd/1"};
    const cli_file checkpoint = {"--checkpoint", o->checkpoint};
    const cli_file recipe = {"--recipe", recipe_is_file ? o->recipe : NULL};
    const cli_file model = {"--model", model_is_file ? o->model : NULL};
    return cli_check_distinct(checkpoint, save, status) && cli_check_distinct(checkpoint, log, status) &&
           cli_check_distinct(checkpoint, recipe, status) && cli_check_distinct(checkpoint, model, status) &&
           cli_check_distinct(log, (cli_file){"--resume", o->resume}, status) &&
           cli_check_distinct(log, save, status) && cli_check_distinct(log, out, status) &&
           cli_check_distinct(log, recipe, status) && cli_check_distinct(log, model, status) &&
           cli_check_distinct(log, (cli_file){"--weights", o->weights}, status) &&
           cli_check_distinct(save, out, status) && cli_check_distinct(save, recipe, status) &&
           cli_check_distinct(save, model, status);
}

/* --checkpoint-every: a number and its unit. */
static bool read_every(const train_options *o, cvy_fit_options *fit, cvy_status *status) {
    const char *text = o->checkpoint_every;
    double number = 0;
    if (!o->checkpoint && (text || o->keep))
        return cvy_fail(status, CVY_USAGE, text ? "--checkpoint-every" : "--keep", "given without --checkpoint");
    if (!text)
        return true;
    const char *unit = cvy_number_read(text, &number);
    if (unit && !strcmp(unit, "s") && number > 0)
        fit->checkpoint_seconds = number;
    else if (unit && !strcmp(unit, "steps") && number >= 1 && number == floor(number) && number < 1e15)
        fit->checkpoint_steps = (size_t)number;
    else if (unit && !strcmp(unit, "epochs") && number >= 1 && number == floor(number) && number <= INT_MAX)
        fit->checkpoint_epochs = (int)number;
    else
        return cvy_fail(status, CVY_USAGE, "--checkpoint-every",
                        "\"%s\", expected a number with its unit: 5epochs, 1000steps or 60s", text);
    return true;
}

static bool prepare(training *t, cvy_status *status) {
    const train_options *o = &t->options;
    if (!check_files(o, status))
        return false;
    if (o->resume && (o->recipe || o->weights))
        return cvy_fail(status, CVY_USAGE, o->recipe ? "--recipe" : "--weights",
                        "given together with --resume, whose checkpoint has %s",
                        o->recipe ? "its settings" : "weights");
    t->recipe = cvy_recipe_from(o->resume ? o->resume : o->recipe, status);
    if (!t->recipe)
        return false;
    override(o, t->recipe);
    if (!read_every(o, &t->recipe->fit, status) || (o->save && !cvy_atomic_check(o->save, status)) ||
        (o->checkpoint && !cvy_atomic_check(o->checkpoint, status)))
        return false;
    t->train = cvy_dataset_load(o->data, CVY_TRAIN, status);
    t->test = cvy_dataset_load(o->data, CVY_TEST, status);
    t->model = make_model(t, status);
    return cvy_ok(status) && (!o->log || open_log(t, status));
}

/* Says why the fit stopped: the library knows neither signals nor standard output. */
static void explain_stop(const training *t, cvy_status *status) {
    if (!cli_stop) {
        if (status->code == CVY_INTERRUPTED)
            *status = t->output;
        return;
    }
    if (cvy_ok(status) || status->code == CVY_INTERRUPTED)
        *status = (cvy_status){0};
    if (t->epochs)
        cvy_fail(status, CVY_INTERRUPTED, "train", "stopped by %s after %d of %d epochs", cli_stop_name(),
                 t->whole_epochs, t->epochs);
    else
        cvy_fail(status, CVY_INTERRUPTED, "train", "stopped by %s before the first step", cli_stop_name());
}

/* Saves the weights, also of an interrupted fit, unless it diverged in its first epoch or never took a step. Weights of
 * less than an epoch are worth less than any that are there already. */
static void save(const training *t, cvy_status *status) {
    const char *path = t->options.save;
    bool diverged = status->code == CVY_DIVERGED;
    if (!path || (!t->whole_epochs && diverged))
        return;
    if (!t->whole_epochs && !access(path, F_OK)) {
        fprintf(stderr, "convoy: %s: stays as it was, since no epoch came to its end\n", path);
        return;
    }
    if (!t->whole_epochs && !t->stepped)
        return;
    cvy_status saving = {0};
    cvy_save(t->model, path, &saving);
    if (!cvy_ok(&saving)) {
        if (cvy_ok(status))
            *status = saving;
        else
            fprintf(stderr, "convoy: %s: %s\n", saving.where, saving.what);
    } else if (!cvy_ok(status)) {
        fprintf(stderr, "convoy: %s: holds the weights of the last whole %s\n", path, diverged ? "epoch" : "step");
    } else if (!t->options.json) {
        printf("Weights saved in %s\n", path);
    }
}

static bool print_profile(const training *t, cvy_status *status) {
    cvy_profile *profile = cvy_profile_read(t->model, status);
    if (profile && t->options.json)
        cli_profile_print_json(profile);
    else if (profile)
        cli_profile_print(profile);
    free(profile);
    return cvy_ok(status);
}

static void print_json_end(const training *t, cvy_evaluation test) {
    printf("{\"train_seconds\": %.9g", t->seconds);
    print_member("test_loss", test.loss);
    print_member("test_accuracy", test.accuracy);
    printf(", \"threads\": %d, \"isa\": \"%s\"}\n", cvy_threads(t->model), cvy_isa(t->model));
}

/* Prints accuracy and loss on the test images, the first five predictions and the summary. */
static void report(const training *t, cvy_status *status) {
    cvy_evaluation test = cvy_evaluate(t->model, t->test, status);
    if (!cvy_ok(status))
        return;
    if (t->options.json) {
        print_json_end(t, test);
        return;
    }
    printf("Test accuracy: %.4f - test loss: %.4f\n\n", test.accuracy, test.loss);
    size_t count = cvy_dataset_count(t->train);
    printf("Softmax of the first training images, and their labels\n");
    if (!cli_print_predictions(t->model, t->train, count < 5 ? count : 5, status))
        return;
    char *summary = cvy_summary(t->model, cli_summary_columns(), status);
    if (summary)
        printf("\n%s", summary);
    free(summary);
}

static void fit_and_report(training *t, cvy_status *status) {
    cvy_fit_options *fit = &t->recipe->fit;
    fit->on_epoch = on_epoch;
    fit->on_progress = on_progress;
    fit->user = t;
    fit->stop = &cli_stop;
    char described[CVY_DESCRIBED_TEXT_MAX];
    t->epochs = fit->epochs; /* with a budget in images the first step tells */
    size_t images = cvy_dataset_count(t->train), batch = fit->batch_size ? (size_t)fit->batch_size : 32;
    const char *threads = cvy_threads_text(t->model, (int)(images < batch ? images : batch));
    if (!t->options.json && cvy_described_text(t->model, described))
        printf("%s\n", described);
    if (!t->options.json)
        printf("%s; %s\n", threads, cvy_isa(t->model));
    cli_warn_threads(t->model);
    if (cli_flush(status))
        cvy_fit(t->model, t->train, fit, status);
    cli_progress_break(&t->progress);
    cli_flush(&t->output);
    explain_stop(t, status);
    if (t->options.checkpoint && status->code == CVY_INTERRUPTED)
        fprintf(stderr, "convoy: %s: goes on from here with --resume\n", t->options.checkpoint);
    save(t, status);
    if (cvy_ok(status) && (!t->options.profile || print_profile(t, status)))
        report(t, status);
}

static void run(int argc, char **argv, cvy_status *status) {
    training t = {0};
    if (!parse(&t.options, argc, argv, status))
        return;
    if (prepare(&t, status)) {
        cli_stop_on_signals(); /* before, a signal ends the program: it may wait for a pipe, and has nothing to save */
        fit_and_report(&t, status);
    }
    if (t.log && fclose(t.log))
        cvy_fail_errno(status, t.options.log, "cannot write");
    cvy_model_free(t.model);
    cvy_recipe_free(t.recipe);
    cvy_dataset_free(t.train);
    cvy_dataset_free(t.test);
}

const cli_command cli_train = {"train", "train a network; without options, the lesson on MNIST", run};
