/* Keras's progress bar. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "../base/status.h"

typedef struct cli_progress {
    int epoch;            /* whose heading is printed */
    double first_seconds; /* when its first step was done */
    int drawn;            /* columns of the unfinished line on the terminal */
} cli_progress;

/* Draws the bar of a running epoch; on what is no terminal, nothing but the epoch's heading. */
void cli_progress_update(cli_progress *progress, const cvy_progress *now);

/* The line that stays when the epoch is over. */
void cli_progress_finish(cli_progress *progress, const cvy_progress *now);

/* Leaves an unfinished line, before something else is printed. */
void cli_progress_break(cli_progress *progress);

#endif
