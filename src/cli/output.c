#include "output.h"

#include "../io/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_terminal(void) {
    const char *kind = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(kind && !strcmp(kind, "dumb"));
}

bool cli_colour(void) {
    const char *no_color = getenv("NO_COLOR");
    return cli_terminal() && !(no_color && *no_color);
}

int cli_columns(void) {
    struct winsize size;
    return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 80;
}

int cli_summary_columns(void) {
    return isatty(STDOUT_FILENO) ? cli_columns() : 0;
}

void cli_warn_threads(const cvy_model *model) {
    const int refused = cvy_threads_refused(model);
    if (refused)
        fprintf(stderr, "convoy: threads: the system started %d fewer than wanted; it takes longer\n", refused);
}

int cli_digits(size_t number) {
    return snprintf(NULL, 0, "%zu", number);
}

void cli_prepare_output(void) {
    static char buffer[1 << 16];
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && errno == EBADF) /* open() gives the lowest free number */
            open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    setvbuf(stdout, buffer, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof buffer);
}

/* The error of the first flush that failed: later ones succeed, since the output is gone. */
bool cli_flush(cvy_status *status) {
    static int error;
    if (fflush(stdout) && !error)
        error = errno;
    if (!ferror(stdout))
        return true;
    return cvy_fail(status, CVY_FAILED, "standard output", "cannot write%s%s", error ? ": " : "",
                    error ? strerror(error) : "");
}

/* The directory and the last part of a path that leads to no file yet. */
static bool find_new(const char *path, struct stat *directory, char target[static PATH_MAX]) {
    if (!cvy_atomic_target(path, target, &(cvy_status){0}))
        return false;
    char *slash = strrchr(target, '/'), kept = slash ? slash[1] : 0;
    if (!slash)
        return !stat(".", directory);
    slash[1] = 0;
    bool found = !stat(target, directory);
    slash[1] = kept;
    memmove(target, slash + 1, strlen(slash + 1) + 1);
    return found;
}

static bool same_place(const char *a, const char *b) {
    struct stat left, right;
    char left_name[PATH_MAX] = "", right_name[PATH_MAX] = "";
    bool there = !stat(a, &left);
    if (there != !stat(b, &right))
        return false;
    if (there && !S_ISREG(left.st_mode)) /* a terminal or pipe may be written by two */
        return false;
    if (!there && (!find_new(a, &left, left_name) || !find_new(b, &right, right_name)))
        return false;
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino && !strcmp(left_name, right_name);
}

bool cli_check_distinct(cli_file output, cli_file other, cvy_status *status) {
    return !output.path || !other.path || !same_place(output.path, other.path) ||
           cvy_fail(status, CVY_USAGE, output.option, "%s is the file of %s, too", output.path, other.option);
}
