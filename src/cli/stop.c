#include "stop.h"

#include <stddef.h>

volatile sig_atomic_t cli_stop;

static void remember(int signal_number) {
    if (!cli_stop)
        cli_stop = signal_number;
}

static void catch_signal(int signal_number, int flags) {
    struct sigaction action = {.sa_handler = remember, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

void cli_stop_on_signals(void) {
    catch_signal(SIGINT, SA_RESTART | (int)SA_RESETHAND);
    catch_signal(SIGTERM, SA_RESTART | (int)SA_RESETHAND);
    catch_signal(SIGPIPE, SA_RESTART);
    struct sigaction hangup;
    if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
        catch_signal(SIGHUP, SA_RESTART);
}

const char *cli_stop_name(void) {
    switch (cli_stop) {
    case SIGINT:
        return "SIGINT";
    case SIGTERM:
        return "SIGTERM";
    case SIGHUP:
        return "SIGHUP";
    default:
        return "SIGPIPE";
    }
}
