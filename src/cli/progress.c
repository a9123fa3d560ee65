/* The bar looks like that of Keras 3: step/steps, a bar of 20 columns, the time left (at the end the time taken), the
 * time a step, the means of the metrics. As in Keras the time a step leaves out the first step, which includes the
 * start-up, unless it is the only one. */
#include "progress.h"
#include "output.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { BAR = 20 };

/* A line under construction: its bytes and its width. */
typedef struct line {
    char text[1024];
    size_t length;
    int columns;
} line;

__attribute__((format(printf, 2, 3))) static void append(line *to, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(to->text + to->length, sizeof to->text - to->length, format, arguments);
    va_end(arguments);
    if (written < 0 || to->length + (size_t)written >= sizeof to->text)
        return;
    to->length += (size_t)written;
    to->columns += written;
}

/* Escape codes have no width. */
static void append_escape(line *to, bool colour, const char *code) {
    int columns = to->columns;
    if (colour)
        append(to, "\033[%sm", code);
    to->columns = columns;
}

static void append_bar(line *to, bool colour, int done, int width) {
    int columns = to->columns;
    if (done)
        append_escape(to, colour, "32");
    for (int i = 0; i < width; i++) {
        if (i == done) {
            append_escape(to, colour && done, "0");
            append_escape(to, colour, "37");
        }
        /* Without colour a thin line shows the remaining part. */
        append(to, "%s", i < done || colour ? "━" : "─");
    }
    append_escape(to, colour && width, "0");
    to->columns = columns + width;
}

static void append_duration(line *to, double seconds) {
    long whole = (long)seconds;
    if (seconds > 3600)
        append(to, "%ld:%02ld:%02ld", whole / 3600, whole % 3600 / 60, whole % 60);
    else if (seconds > 60)
        append(to, "%ld:%02ld", whole / 60, whole % 60);
    else
        append(to, "%lds", whole);
}

static double seconds_a_step(const cli_progress *progress, const cvy_progress *now) {
    if (now->step > 1)
        return (now->seconds - progress->first_seconds) / (double)(now->step - 1);
    return now->step ? now->seconds / (double)now->step : 0;
}

static void append_time_a_step(line *to, double seconds) {
    if (seconds >= 1 || seconds == 0)
        append(to, " %.0fs/step", seconds);
    else if (seconds >= 1e-3)
        append(to, " %.0fms/step", seconds * 1e3);
    else
        append(to, " %.0fus/step", seconds * 1e6);
}

static void append_metric(line *to, const char *name, double value) {
    append(to, fabs(value) > 1e-3 ? " - %s: %.4f" : " - %s: %.4e", name, value);
}

static void append_metrics(line *to, const cvy_progress *now) {
    append_metric(to, "accuracy", now->accuracy);
    append_metric(to, "loss", now->loss);
    if (now->validated) {
        append_metric(to, "val_accuracy", now->val_accuracy);
        append_metric(to, "val_loss", now->val_loss);
    }
}

/* A line that is overwritten must fit the terminal: on a narrow one the bar shrinks first, then the tail is cut. The
 * final line may wrap. */
static void draw(cli_progress *progress, const cvy_progress *now, bool final) {
    bool colour = cli_colour();
    double step_seconds = seconds_a_step(progress, now);

    line tail = {0}; /* the text behind the time; plain, so that it may be cut anywhere */
    append_time_a_step(&tail, step_seconds);
    append_metrics(&tail, now);
    line duration = {0};
    if (final)
        append(&duration, "%.0fs", now->seconds);
    else
        append_duration(&duration, step_seconds * (double)(now->steps - now->step));

    int room = cli_columns() - 1 - (2 * cli_digits(now->steps) + 1 + 2 + duration.columns);
    int width = BAR;
    if (!final && tail.columns + width > room)
        width = room > tail.columns ? room - tail.columns : 0;
    if (!final && tail.columns + width > room)
        tail.text[room > 0 ? room : 0] = '\0';

    line out = {0};
    append_escape(&out, colour, "1");
    append(&out, "%*zu/%zu", cli_digits(now->steps), now->step, now->steps);
    append_escape(&out, colour, "0");
    append(&out, " ");
    append_bar(&out, colour, (int)((size_t)width * now->step / now->steps), width);
    append(&out, " ");
    append_escape(&out, colour, "1");
    append(&out, "%s", duration.text);
    append_escape(&out, colour, "0");
    append(&out, "%s", tail.text);

    int gone = progress->drawn > out.columns ? progress->drawn - out.columns : 0;
    printf("\r%s%*s%s", out.text, gone, "", final ? "\n" : "");
    progress->drawn = final ? 0 : out.columns;
}

static void begin_epoch(cli_progress *progress, const cvy_progress *now) {
    if (progress->epoch == now->epoch)
        return;
    progress->epoch = now->epoch;
    progress->first_seconds = now->step == 1 ? now->seconds : 0;
    printf("Epoch %d/%d\n", now->epoch, now->epochs);
}

void cli_progress_update(cli_progress *progress, const cvy_progress *now) {
    begin_epoch(progress, now);
    if (cli_terminal())
        draw(progress, now, false);
}

void cli_progress_finish(cli_progress *progress, const cvy_progress *now) {
    begin_epoch(progress, now);
    if (cli_terminal()) {
        draw(progress, now, true);
        return;
    }
    line out = {0};
    append(&out, "%zu/%zu - %.0fs -", now->step, now->steps, now->seconds);
    append_time_a_step(&out, seconds_a_step(progress, now));
    append_metrics(&out, now);
    puts(out.text);
}

void cli_progress_break(cli_progress *progress) {
    if (progress->drawn)
        putchar('\n');
    progress->drawn = 0;
}
