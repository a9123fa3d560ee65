/* Reading one layer of Keras's model.to_json(), and helpers for its objects; for network_json.c. */
#ifndef CVY_KERAS_LAYER_H
#define CVY_KERAS_LAYER_H

#include "../base/json.h"
#include "network.h"

enum { CVY_QUOTE_MAX = 80 };

/* Reads an entry of "layers" into *layer, which is then ready for cvy_network_add. Errors name the layer and the field.
 */
bool cvy_json_layer(const cvy_network *network, json_t *object, cvy_layer *layer, cvy_status *status);

/* Reads the value of `key`, [null, height, width, channels] or [null, features], into an input layer. */
bool cvy_json_batch_shape(const char *key, const json_t *value, cvy_layer *input, cvy_status *status);

/* The value as JSON for a message; a long one is cut. */
void cvy_json_quote(const json_t *value, char text[CVY_QUOTE_MAX]);

/* Records the error "VALUE, expected ..." in a field of the layer. Returns false. */
bool cvy_json_refuse(const cvy_layer *layer, const char *key, const json_t *value, const char *expected,
                     cvy_status *status);

/* Whether the object is of one of Keras's own classes, not of one that the user registered under the same name. */
bool cvy_json_is_keras(const json_t *object);

/* Whether it is "float32", the policy of that name as an object, or null, which is Keras's default and the same. */
bool cvy_json_is_float32(const json_t *dtype);

/* The first key of the object that is not in the list; NULL if there is none. */
const char *cvy_json_unlisted_key(json_t *object, const char *const *names);

#endif
