#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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
        fprintf(stderr, "convoy: threads: the system did not start %d of those wanted; fewer threads take longer\n",
                refused);
}

int cli_digits(size_t number) {
    return snprintf(NULL, 0, "%zu", number);
}

bool cli_flush(cvy_status *status) {
    if (!ferror(stdout) && !fflush(stdout))
        return true;
    return cvy_fail_errno(status, "standard output", "cannot write");
}
