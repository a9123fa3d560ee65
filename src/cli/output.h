/* Standard output: its kind, its width, and errors in writing to it. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "../base/status.h"
#include "../convoy.h"

/* Whether it is a terminal on which a line can be overwritten. */
bool cli_terminal(void);

/* The same, and NO_COLOR is not set (no-color.org). */
bool cli_colour(void);

/* The width of the terminal, 80 if it does not say. */
int cli_columns(void);

/* The width for cvy_summary: the terminal's, else 0, which is Keras's own. */
int cli_summary_columns(void);

/* Says on standard error if the system started fewer threads than the last run wanted. */
void cli_warn_threads(const cvy_model *model);

/* The number of decimal digits. */
int cli_digits(size_t number);

/* Flushes standard output. An error of this or of any earlier output goes into the status. */
bool cli_flush(cvy_status *status);

#endif
