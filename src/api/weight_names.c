#include "weight_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A variable or a tensor. Its name is [.../]LAYER/LEAF, and LAYER is STEM or STEM_NUMBER. */
typedef struct named {
    const char *name, *layer, *leaf;
    size_t stem; /* length of the layer's name without its number */
    long number; /* 0 if it has none */
    int rank;
    const size_t *shape;
} named;

static named named_of(const char *name, int rank, const size_t *shape) {
    named n = {.name = name, .layer = name, .leaf = strrchr(name, '/'), .rank = rank, .shape = shape};
    if (!n.leaf)
        n.leaf = name;
    for (const char *c = name; c < n.leaf; c++)
        if (*c == '/')
            n.layer = c + 1;
    n.stem = (size_t)(n.leaf - n.layer);
    size_t digits = 0;
    while (digits < n.stem && n.layer[n.stem - digits - 1] >= '0' && n.layer[n.stem - digits - 1] <= '9')
        digits++;
    if (digits && digits + 1 < n.stem && n.layer[n.stem - digits - 1] == '_') {
        n.number = strtol(n.layer + n.stem - digits, NULL, 10);
        n.stem -= digits + 1;
    }
    return n;
}

/* What the rules compare. */
typedef struct list {
    size_t count;
    named *of;
} list;

static bool same_shape(const named *a, const named *b) {
    return a->rank == b->rank && !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape);
}

/* The same but for the layer's number. */
static bool alike(const named *a, const named *b) {
    return a->stem == b->stem && !memcmp(a->layer, b->layer, a->stem) && !strcmp(a->leaf, b->leaf) && same_shape(a, b);
}

/* How many of the list that are alike come before. */
static size_t place(const list *all, const named *one) {
    size_t before = 0;
    for (size_t i = 0; i < all->count; i++)
        before += alike(&all->of[i], one) && all->of[i].number < one->number;
    return before;
}

/* ---- The rules -------------------------------------------------------------------------------------------------- */

typedef bool rule(const list *variables, const named *variable, const list *tensors, const named *tensor);

static bool same_name(const list *variables, const named *variable, const list *tensors, const named *tensor) {
    (void)variables;
    (void)tensors;
    return !strcmp(variable->name, tensor->name);
}

static bool same_layer(const list *variables, const named *variable, const list *tensors, const named *tensor) {
    (void)variables;
    (void)tensors;
    return !strcmp(variable->layer, tensor->layer);
}

static bool same_place(const list *variables, const named *variable, const list *tensors, const named *tensor) {
    return tensors->count == variables->count && alike(variable, tensor) &&
           place(variables, variable) == place(tensors, tensor);
}

static bool alone_with_its_shape(const list *variables, const named *variable, const list *tensors,
                                 const named *tensor) {
    return tensors->count == variables->count && same_shape(variable, tensor);
}

/* Whether each variable has exactly one tensor, and no tensor has two variables; found[] are their indices. */
static bool holds(rule *agrees, const list *variables, const list *tensors, size_t found[]) {
    for (size_t v = 0; v < variables->count; v++) {
        size_t matches = 0;
        for (size_t t = 0; t < tensors->count; t++)
            if (agrees(variables, &variables->of[v], tensors, &tensors->of[t])) {
                found[v] = t;
                matches++;
            }
        if (matches != 1)
            return false;
        for (size_t other = 0; other < v; other++)
            if (found[other] == found[v])
                return false;
    }
    return true;
}

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

/* Appends "NAME (5, 5, 1, 3)" to a text. Returns false if it is full. */
static bool list_one(const named *n, char *text, size_t size) {
    size_t length = strlen(text), room = size - length;
    int used = snprintf(text + length, room, "%s%s (", length ? ", " : "", n->name);
    for (int k = 0; k < n->rank && used >= 0 && (size_t)used < room; k++)
        used += snprintf(text + length + used, room - (size_t)used, "%s%zu", k ? ", " : "", n->shape[k]);
    if (used >= 0 && (size_t)used + 1 < room) {
        strcpy(text + length + used, ")");
        return true;
    }
    text[length] = '\0';
    return false;
}

static bool refuse(const char *path, const list *variables, const list *tensors, cvy_status *status) {
    char wanted[600] = "", held[1200] = "";
    size_t v = 0, t = 0;
    while (v < variables->count && list_one(&variables->of[v], wanted, sizeof wanted))
        v++;
    while (t < tensors->count && list_one(&tensors->of[t], held, sizeof held))
        t++;
    return cvy_fail(status, CVY_FAILED, path, "its tensors do not fit the network: it holds %s%s, expected %s%s",
                    tensors->count ? held : "none", t < tensors->count ? " and more" : "", wanted,
                    v < variables->count ? " and more" : "");
}

/* ---- Matching --------------------------------------------------------------------------------------------------- */

static bool match(const cvy_safetensors *file, const list *variables, const list *tensors, size_t found[],
                  const cvy_tensor *result[], cvy_status *status) {
    rule *const rules[] = {same_name, same_layer, same_place, alone_with_its_shape};
    size_t r = 0;
    while (r < sizeof rules / sizeof *rules && !holds(rules[r], variables, tensors, found))
        r++;
    if (r == sizeof rules / sizeof *rules)
        return refuse(cvy_safetensors_path(file), variables, tensors, status);
    for (size_t v = 0; v < variables->count; v++) {
        result[v] = cvy_safetensors_at(file, found[v]);
        if (!same_shape(&variables->of[v], &tensors->of[found[v]]))
            return refuse(cvy_safetensors_path(file), variables, tensors, status);
        if (result[v]->dtype != CVY_F32)
            return cvy_fail(status, CVY_FAILED, cvy_safetensors_path(file), "tensor \"%s\" is %s, expected F32",
                            result[v]->name, cvy_dtype_name(result[v]->dtype));
    }
    return true;
}

bool cvy_match_tensors(const cvy_safetensors *file, const cvy_variables *variables, const cvy_tensor *tensors[],
                       cvy_status *status) {
    list wanted = {.count = (size_t)variables->count}, held = {.count = cvy_safetensors_count(file)};
    wanted.of = calloc(wanted.count + 1, sizeof *wanted.of);
    held.of = calloc(held.count + 1, sizeof *held.of);
    size_t *found = calloc(wanted.count + 1, sizeof *found);
    bool good = wanted.of && held.of && found;
    if (good) {
        for (size_t v = 0; v < wanted.count; v++)
            wanted.of[v] = named_of(variables->list[v].path, variables->list[v].rank, variables->list[v].shape);
        for (size_t t = 0; t < held.count; t++) {
            const cvy_tensor *tensor = cvy_safetensors_at(file, t);
            held.of[t] = named_of(tensor->name, tensor->rank, tensor->shape);
        }
        good = match(file, &wanted, &held, found, tensors, status);
    } else {
        cvy_fail_memory(status, "tensors", (wanted.count + held.count) * sizeof *held.of);
    }
    free(wanted.of);
    free(held.of);
    free(found);
    return good;
}
