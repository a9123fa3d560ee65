/* Arrays from files become what data sets keep: images uint8 or float32, labels uint8. */
#ifndef CVY_CONVERT_H
#define CVY_CONVERT_H

#include "ndarray.h"

/* Images N x H x W or N x H x W x C of uint8, float32 or float64; the last becomes float32. The array is then aligned
 * for its type. Errors name its file. */
bool cvy_convert_images(cvy_ndarray *array, cvy_status *status);

/* Labels become uint8 of shape N. They are class numbers 0 to 255, N or N x 1 of any integer type, or one-hot rows N x
 * CLASSES of any type, each with one 1 among zeros. Errors name the file and the first label that is wrong. */
bool cvy_convert_labels(cvy_ndarray *array, cvy_status *status);

#endif
