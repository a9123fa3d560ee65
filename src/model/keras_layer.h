/* One layer of Keras's model.to_json(), and what the readers of its objects share. Internal to reading networks. */
#ifndef CVY_KERAS_LAYER_H
#define CVY_KERAS_LAYER_H

#include "network.h"

#include <jansson.h>

enum { CVY_QUOTE_MAX = 80 };

/* Reads an entry of "layers" into *layer, which then waits for cvy_network_add. Errors name the layer and the field. */
bool cvy_json_layer(const cvy_network *network, json_t *object, cvy_layer *layer, cvy_status *status);

/* [null, height, width, channels] or [null, features], found under `key`, into an input layer. */
bool cvy_json_batch_shape(const char *key, const json_t *value, cvy_layer *input, cvy_status *status);

/* The value as JSON for a message, cut where it is long. */
void cvy_json_quote(const json_t *value, char text[CVY_QUOTE_MAX]);

/* "X, expected Y" in a field of the layer. Returns false. */
bool cvy_json_refuse(const cvy_layer *layer, const char *key, const json_t *value, const char *expected,
                     cvy_status *status);

/* The object is of a class of Keras's own, not of one that the user registered under the same name. */
bool cvy_json_is_keras(const json_t *object);

/* "float32", or the policy of that name as an object; null is Keras's default, the same. */
bool cvy_json_is_float32(const json_t *dtype);

/* The first key of the object that is not in the list; NULL if there is none. */
const char *cvy_json_unlisted_key(json_t *object, const char *const *names);

#endif
