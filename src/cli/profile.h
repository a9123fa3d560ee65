/* Prints the profile of a training, as a table or as JSON. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "../convoy.h"

void cli_profile_print(const cvy_profile *profile);
void cli_profile_print_json(const cvy_profile *profile);

#endif
