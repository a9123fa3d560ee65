/* EMNIST: handwritten digits and letters in six sets (balanced, byclass, bymerge, digits, letters, mnist). */
#ifndef CVY_EMNIST_H
#define CVY_EMNIST_H

#include "ndarray.h"

/* Reads a split of a set. `path` is a directory that holds the files of one set (emnist-letters-train-images-idx3-ubyte
 * and so on, plain or .gz), or their path up to the set's name: DIR/emnist-letters. A directory that holds several is
 * an error that names them. False without an error if there is none. The files hold images with rows and columns
 * exchanged and, in "letters", labels 1 to 26; here the images are upright, and the labels 0 to 25. */
bool cvy_emnist_read(const char *path, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels, cvy_status *status);

#endif
