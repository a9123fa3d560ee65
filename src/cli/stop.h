/* Signals that ask the program to stop: it does so after the step it is in, and keeps what it has. */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <signal.h>

/* The first such signal, 0 before it. */
extern volatile sig_atomic_t cli_stop;

/* From now on SIGINT, SIGTERM, SIGHUP (unless nohup wants it ignored) and SIGPIPE (the reader of the output left) only
 * set cli_stop. A second SIGINT or SIGTERM ends the program at once. */
void cli_stop_on_signals(void);

/* "SIGINT", ... of cli_stop. */
const char *cli_stop_name(void);

#endif
