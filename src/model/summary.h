/* Keras's model.summary(). */
#ifndef CVY_SUMMARY_H
#define CVY_SUMMARY_H

#include "network.h"

/* The table as Keras prints it on a terminal of `columns` columns, in UTF-8: 4 columns narrower than the terminal, and
 * at most 88 wide. 0 stands for a terminal that is wide enough; fewer than 24 columns count as 24. (Without a terminal
 * Keras assumes 80.) optimizer_parameters < 0 leaves out the last line, as for a model that was not compiled. `bold`
 * adds the escape codes that Keras prints on a terminal of 256 colours. Every character counts as one column. The
 * caller frees the text; NULL on an error. */
char *cvy_summary_text(const cvy_network *network, int columns, long optimizer_parameters, bool bold,
                       cvy_status *status);

#endif
