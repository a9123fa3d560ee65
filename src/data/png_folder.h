/* A folder of PNG images by class: train/CLASS/NAME.png and test/CLASS/NAME.png. */
#ifndef CVY_PNG_FOLDER_H
#define CVY_PNG_FOLDER_H

#include "ndarray.h"

/* Reads a split. Label i is the class i of those in train/ and test/ together, in the order of cvy_names_compare, and
 * the images of a class come in that order, too. All are of one size. They have 3 channels if any of the split does,
 * else 1; cvy_png_read says what becomes of depths, palettes and alpha. Names that begin with a dot are passed over.
 * False without an error if the split's folder is not there. Errors name the file: another size, no PNG, or an entry
 * that does not belong. */
bool cvy_png_folder_read(const char *directory, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels,
                         cvy_status *status);

#endif
