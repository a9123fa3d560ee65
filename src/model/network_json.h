/* Keras's model.to_json() as a JSON value; for callers that also read or write what is no part of a network. */
#ifndef CVY_NETWORK_JSON_H
#define CVY_NETWORK_JSON_H

#include "../base/json.h"
#include "network.h"

/* Parses a text; `origin` (the file) begins errors. The caller decrefs the value; NULL on an error. */
json_t *cvy_json_parse(const char *text, size_t length, const char *origin, cvy_status *status);

/* Reads the network of a model. What is not supported is added to the refusals; then NULL. */
cvy_network *cvy_network_from_object(json_t *model, cvy_refusals *refusals);

/* What Keras 3's model.to_json() returns for the network as a model that is not compiled. The caller decrefs it; NULL
 * on an error. */
json_t *cvy_network_to_json(const cvy_network *network, cvy_status *status);

#endif
