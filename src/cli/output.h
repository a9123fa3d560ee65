/* Standard output: what it is, and whether what was written arrived. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "../base/status.h"

/* A terminal on which a line can be drawn over. */
bool cli_terminal(void);

/* The same, and the user has not said no to colour (NO_COLOR, no-color.org). */
bool cli_colour(void);

/* The width of the terminal, 80 if it does not say. */
int cli_columns(void);

/* The width for Keras's summary: the terminal's, else 0 (Keras's own). */
int cli_summary_columns(void);

/* How many columns a number takes. */
int cli_digits(size_t number);

/* Sends out what was printed; an error if that, or any printing before it, failed. */
bool cli_flush(cvy_status *status);

#endif
