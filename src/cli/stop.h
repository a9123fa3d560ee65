/* Signals that ask the program to stop. The training stops after its current step, and --save writes the weights. */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <signal.h>

/* The first such signal, 0 before it. */
extern volatile sig_atomic_t cli_stop;

/* From now on SIGINT, SIGTERM, SIGPIPE and, unless it is ignored (nohup), SIGHUP only set cli_stop. A second SIGINT or
 * SIGTERM ends the program at once. */
void cli_stop_on_signals(void);

/* The name of the signal in cli_stop: "SIGINT", ... */
const char *cli_stop_name(void);

#endif
