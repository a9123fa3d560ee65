#include "../convoy.h"

const char *cvy_version(void) {
    return CVY_VERSION;
}
