#include "preprocess.h"

#include <string.h>

#include "../base/settings.h"

const cvy_preprocessing cvy_preprocessing_none = {.scale = 1, .variance = 1};

static const cvy_value shift = {CVY_WHOLE, 1, CVY_SHIFT_MAX, "a whole number from 1 to 8"};

#define KEY(name, value)                                                                                               \
    { #name, value, offsetof(cvy_preprocessing, name), 1 }
static const cvy_key keys[] = {
    KEY(deskew, &cvy_value_flag),
    KEY(center_crop, &cvy_value_extents),
    KEY(scale, &cvy_value_number),
    KEY(offset, &cvy_value_number),
    KEY(mean, &cvy_value_number),
    KEY(variance, &cvy_value_positive),
    KEY(average_pooling, &cvy_value_extents),
    KEY(test_shift, &shift),
    KEY(image_size, &cvy_value_extents),
};
#undef KEY
static const cvy_settings settings = {.where = "preprocessing", .keys = keys, .count = sizeof keys / sizeof *keys};

bool cvy_preprocessing_parse(const char *text, cvy_preprocessing *preprocessing, cvy_status *status) {
    if (!cvy_ok(status))
        return false;
    cvy_preprocessing parsed = cvy_preprocessing_none;
    if (*text && strcmp(text, "none") && !cvy_settings_parse(text, &settings, &parsed, status))
        return false;
    *preprocessing = parsed;
    return true;
}

void cvy_preprocessing_text(const cvy_preprocessing *preprocessing, char text[static CVY_PREPROCESSING_MAX]) {
    cvy_settings_text(&settings, preprocessing, &cvy_preprocessing_none, text, CVY_PREPROCESSING_MAX);
    if (!*text)
        strcpy(text, "none");
}

bool cvy_preprocessing_extents(const cvy_preprocessing *preprocessing, const char *where, int *height, int *width,
                               cvy_status *status) {
    const int *crop = preprocessing->center_crop, *pool = preprocessing->average_pooling;
    if (crop[0] > *height || crop[1] > *width)
        return cvy_fail(status, CVY_FAILED, where, "images of %d x %d are smaller than the crop, %d x %d", *height,
                        *width, crop[0], crop[1]);
    if (crop[0]) {
        *height = crop[0];
        *width = crop[1];
    }
    if (pool[0] > *height || pool[1] > *width)
        return cvy_fail(status, CVY_FAILED, where, "images of %d x %d are smaller than the pooling window, %d x %d",
                        *height, *width, pool[0], pool[1]);
    if (pool[0]) {
        *height /= pool[0];
        *width /= pool[1];
    }
    return true;
}
