#include "tree.h"

#include "../base/memory.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text, size_t length, cvy_status *status) {
    char *bytes = cvy_allocate_unset(length + 1, "tree", status);
    if (bytes) {
        memcpy(bytes, text, length);
        bytes[length] = 0;
    }
    return bytes;
}

static cvy_node *new_node(const char *name, size_t length, cvy_node_kind kind, cvy_status *status) {
    cvy_node *node = cvy_allocate(1, sizeof *node, "tree", status);
    if (!node)
        return NULL;
    node->kind = kind;
    if ((node->name = copy(name, length, status)))
        return node;
    free(node);
    return NULL;
}

cvy_node *cvy_tree_new(cvy_status *status) {
    return cvy_ok(status) ? new_node("", 0, CVY_NODE_GROUP, status) : NULL;
}

static void free_texts(cvy_texts *texts) {
    for (size_t i = 0; texts->list && i < texts->count; i++)
        free(texts->list[i]);
    free(texts->list);
    free(texts->name);
    free(texts);
}

void cvy_tree_free(cvy_node *root) {
    if (!root)
        return;
    for (cvy_node *child = root->first, *next; child; child = next) {
        next = child->next;
        cvy_tree_free(child);
    }
    for (cvy_texts *texts = root->texts, *next; texts; texts = next) {
        next = texts->next;
        free_texts(texts);
    }
    free(root->data);
    free(root->name);
    free(root);
}

static cvy_node *add(cvy_node *group, const char *name, size_t length, cvy_node_kind kind, cvy_status *status) {
    cvy_node *node = cvy_ok(status) ? new_node(name, length, kind, status) : NULL;
    if (!node)
        return NULL;
    if (group->last)
        group->last->next = node;
    else
        group->first = node;
    return group->last = node;
}

cvy_node *cvy_tree_add(cvy_node *group, const char *name, cvy_node_kind kind, int rank, const size_t *shape,
                       cvy_status *status) {
    if (rank < 0 || rank > CVY_TREE_RANK_MAX) {
        cvy_fail(status, CVY_FAILED, name, "an array of %d dimensions, expected at most %d", rank, CVY_TREE_RANK_MAX);
        return NULL;
    }
    size_t count = kind != CVY_NODE_GROUP;
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(count, shape[i], &count)) {
            cvy_fail(status, CVY_FAILED, name, "its shape does not fit in memory");
            return NULL;
        }
    cvy_node *node = add(group, name, strlen(name), kind, status);
    if (!node)
        return NULL;
    node->rank = rank;
    node->count = count;
    if (rank)
        memcpy(node->shape, shape, (size_t)rank * sizeof *shape);
    return node;
}

bool cvy_tree_allocate(cvy_node *array, cvy_status *status) {
    array->data = cvy_allocate(array->count, array->kind == CVY_NODE_FLOATS ? sizeof(float) : sizeof(int64_t),
                               array->name, status);
    return array->data;
}

bool cvy_tree_attach(cvy_node *group, const char *name, bool array, size_t count, const char *const *texts,
                     cvy_status *status) {
    cvy_texts *added = cvy_ok(status) ? cvy_allocate(1, sizeof *added, "tree", status) : NULL;
    if (!added)
        return false;
    added->array = array;
    added->count = count;
    added->name = copy(name, strlen(name), status);
    added->list = cvy_allocate(count, sizeof *added->list, "tree", status);
    for (size_t i = 0; i < count && cvy_ok(status); i++)
        added->list[i] = copy(texts[i], strlen(texts[i]), status);
    if (!cvy_ok(status)) {
        free_texts(added);
        return false;
    }
    if (group->last_texts)
        group->last_texts->next = added;
    else
        group->texts = added;
    group->last_texts = added;
    return true;
}

/* The node whose name is the first `length` bytes of a text. */
static cvy_node *child_of(const cvy_node *group, const char *name, size_t length) {
    for (cvy_node *child = group->first; child; child = child->next)
        if (!strncmp(child->name, name, length) && !child->name[length])
            return child;
    return NULL;
}

cvy_node *cvy_tree_find(const cvy_node *group, const char *path) {
    cvy_node *node = NULL;
    for (size_t length; group && *path; group = node, path += length + (path[length] == '/')) {
        length = strcspn(path, "/");
        node = child_of(group, path, length);
    }
    return node;
}

cvy_node *cvy_tree_group(cvy_node *group, const char *path, cvy_status *status) {
    for (size_t length; group && *path; path += length + (path[length] == '/')) {
        length = strcspn(path, "/");
        cvy_node *child = child_of(group, path, length);
        group = child ? child : add(group, path, length, CVY_NODE_GROUP, status);
    }
    return group;
}

const cvy_texts *cvy_tree_texts(const cvy_node *group, const char *name) {
    for (const cvy_texts *texts = group->texts; texts; texts = texts->next)
        if (!strcmp(texts->name, name))
            return texts;
    return NULL;
}

const char *cvy_tree_text(const cvy_node *group, const char *name) {
    const cvy_texts *texts = cvy_tree_texts(group, name);
    return texts && !texts->array ? texts->list[0] : NULL;
}
