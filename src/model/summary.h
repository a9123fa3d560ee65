/* Keras's model.summary(). */
#ifndef CVY_SUMMARY_H
#define CVY_SUMMARY_H

#include "network.h"

/* The table as Keras prints it on a terminal of `columns` columns, in UTF-8: 4 columns narrower than that, and at most
 * 88 wide. 0 stands for a terminal that is wide enough for everything; fewer than 24 columns are treated as 24. (Where
 * its output is no terminal, Keras assumes 80.) optimizer_parameters < 0 leaves out the last line: a model that was not
 * trained. With bold, the escape codes that Keras prints on a terminal of 256 colours. Every character is taken to be
 * one column wide. The caller frees the text; NULL without memory. */
char *cvy_summary_text(const cvy_network *network, int columns, long optimizer_parameters, bool bold,
                       cvy_status *status);

#endif
