/* A fit that Ctrl-C stops. Python runs its own handlers of signals only between two instructions of Python, which a fit
 * is not. So a handler of ours stands in front of Python's for the time of a fit: it asks the fit to stop after the
 * current step, and lets Python's handler note that KeyboardInterrupt is due. */
#define _GNU_SOURCE
#include <signal.h>

#include "convoy.h"

/* Fits of the main thread only, which may nest: a callback may call fit. So these need no lock. */
static volatile sig_atomic_t interrupted;
static struct sigaction previous;
static int depth;

static void interrupt(int signal_number, siginfo_t *info, void *context) {
    interrupted = 1;
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(signal_number, info, context);
    else if (previous.sa_handler != SIG_IGN && previous.sa_handler != SIG_DFL)
        previous.sa_handler(signal_number);
}

static void begin(void) {
    if (depth++)
        return;
    struct sigaction action = {.sa_sigaction = interrupt, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    interrupted = 0;
    sigaction(SIGINT, NULL, &previous);
    sigaction(SIGINT, &action, NULL);
}

static void end(void) {
    if (!--depth)
        sigaction(SIGINT, &previous, NULL);
}

CVY_API bool convoy_python_fit(cvy_model *model, const cvy_dataset *dataset, const cvy_fit_options *options,
                               cvy_status *status);

/* What cvy_fit does. SIGINT stops it with CVY_INTERRUPTED after the current step; the caller's options need no stop.
 * Call it from the main thread. Returns whether SIGINT came. */
bool convoy_python_fit(cvy_model *model, const cvy_dataset *dataset, const cvy_fit_options *options,
                       cvy_status *status) {
    cvy_fit_options stoppable = *options;
    stoppable.stop = &interrupted;
    begin();
    cvy_fit(model, dataset, &stoppable, status);
    end();
    return interrupted;
}
