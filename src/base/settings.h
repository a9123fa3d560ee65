/* Settings as users write them: NAME:KEY=VALUE,KEY=VALUE,... Upper and lower case are the same. */
#ifndef CVY_SETTINGS_H
#define CVY_SETTINGS_H

#include "status.h"

/* A part of a longer text. */
typedef struct cvy_span {
    const char *text;
    int length;
} cvy_span;

typedef enum cvy_value_type {
    CVY_FLAG,    /* bool: true or false; a key without a value is true */
    CVY_WHOLE,   /* int */
    CVY_EXTENTS, /* int[2]: H, which stands for HxH, or HxW */
    CVY_NUMBER,  /* double; may be written as a quotient: 1/255 */
} cvy_value_type;

typedef struct cvy_value {
    cvy_value_type type;
    double low, high;     /* the range of numbers, both included */
    const char *expected; /* the same in words, for messages */
} cvy_value;

/* Kernels compute in float, so none of these is beyond a float's range: 1e39 is no number, 1e-50 is not above 0. */
extern const cvy_value cvy_value_flag, cvy_value_extents, cvy_value_number, cvy_value_positive, cvy_value_not_negative,
    cvy_value_below_one /* 0 <= x < 1 */, cvy_value_up_to_one /* 0 <= x <= 1 */;

typedef struct cvy_key {
    const char *name;
    const cvy_value *value;
    size_t offset;     /* of the field in the object, whose type is the value's */
    unsigned kinds;    /* a bit for each kind of object that has this key */
    const char *alias; /* may be NULL */
} cvy_key;

/* The settings of one kind of object. */
typedef struct cvy_settings {
    const char *where;   /* begins messages: "optimizer" */
    const char *name;    /* of the kind, for messages; NULL if there is only one */
    const cvy_key *keys; /* fewer than 32 */
    int count, kind;
    /* Parses KEY=VALUE if no key has that name. NULL: such a key is an error. */
    bool (*other)(cvy_span key, cvy_span value, void *object, cvy_status *status);
} cvy_settings;

/* Takes NAME off the text. *text is then the rest behind the colon, or NULL without a colon. Returns the index of the
 * name in `names`, or -1 and an error that lists them. */
int cvy_settings_name(const char **text, const char *const *names, int count, const char *where, cvy_status *status);

/* Parses KEY=VALUE,... into the object's fields; NULL is an empty list. Errors name the key and what is expected:
 * an unknown key, one that is given twice, a value that is missing, malformed or out of range. */
bool cvy_settings_parse(const char *text, const cvy_settings *settings, void *object, cvy_status *status);

/* The inverse: KEY=VALUE,... of what differs from another object of that kind, the defaults. What does not fit is cut.
 */
void cvy_settings_text(const cvy_settings *settings, const void *object, const void *defaults, char *text, size_t size);

/* Parses a span as a value of this type and range. False if it is none; the field is then undefined. */
bool cvy_value_parse(const cvy_value *value, cvy_span span, void *field);

#endif
