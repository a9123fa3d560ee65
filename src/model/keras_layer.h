/* Reading one layer of Keras's model.to_json(), and helpers for all objects of it. */
#ifndef CVY_KERAS_LAYER_H
#define CVY_KERAS_LAYER_H

#include "../base/json.h"
#include "network.h"

enum { CVY_QUOTE_MAX = 80 };

/* Reads an entry of "layers" into *layer. What is not supported goes to the refusals, with the layer and the field.
 * Returns whether the layer's kind and the settings that shape its output are known: whether cvy_network_add may have
 * it. The name is set in any case. */
bool cvy_json_layer(const cvy_network *network, json_t *object, cvy_layer *layer, cvy_refusals *refusals);

/* Reads the value of `key`, [null, height, width, channels] or [null, features], into an input layer. */
bool cvy_json_batch_shape(const char *key, const json_t *value, cvy_layer *input, cvy_refusals *refusals);

/* The value as JSON for a message; a long one is cut. */
void cvy_json_quote(const json_t *value, char text[CVY_QUOTE_MAX]);

/* Adds a refusal whose `where` is: layer "NAME", FIELD. Returns false. */
bool cvy_layer_refuse(cvy_refusals *refusals, const char *layer, const char *field, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds the refusal "VALUE, expected ..." of a field of the layer. Returns false. */
bool cvy_json_refuse(const cvy_layer *layer, const char *key, const json_t *value, const char *expected,
                     cvy_refusals *refusals);

/* Whether the object is of one of Keras's own classes, not of one that the user registered under the same name. */
bool cvy_json_is_keras(const json_t *object);

/* Whether it is "float32", the policy of that name as an object, or null, which is Keras's default and the same. */
bool cvy_json_is_float32(const json_t *dtype);

/* Adds every key of the object that is not in the list, behind `where` (a layer's part or ""). */
void cvy_json_refuse_unlisted(json_t *object, const char *const *names, const char *layer, cvy_refusals *refusals);

#endif
