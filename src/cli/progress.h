/* Keras's progress bar. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "../convoy.h"

typedef struct cli_progress {
    int epoch;            /* the last one whose heading is printed */
    double first_seconds; /* duration of its first step */
    int drawn;            /* columns of the unfinished line on the terminal */
} cli_progress;

/* Draws the bar of a running epoch. Without a terminal it prints the epoch's heading only. */
void cli_progress_update(cli_progress *progress, const cvy_progress *now);

/* Prints the final line of an epoch. */
void cli_progress_finish(cli_progress *progress, const cvy_progress *now);

/* Ends an unfinished line, so that other output begins on a new one. */
void cli_progress_break(cli_progress *progress);

#endif
