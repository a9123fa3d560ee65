/* Standard output: its kind, its width, and errors in writing to it; files that are written beside it. */
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

/* Called first in main: no file that is opened gets the number of a standard stream that is closed. Writing to that
 * stream is an error as before. Output waits in memory for cli_flush, except for a terminal. */
void cli_prepare_output(void);

/* Flushes standard output. An error of this or of any earlier output goes into the status. */
bool cli_flush(cvy_status *status);

/* Whether `output`, which is to be written, is another file than `other`, which is read (NULL: nothing is) or written,
 * too. Links and hard links are seen through. Errors name both options. */
typedef struct cli_file {
    const char *option, *path; /* "--log", its value or NULL */
} cli_file;
bool cli_check_distinct(cli_file output, cli_file other, cvy_status *status);

#endif
