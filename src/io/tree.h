/* What an HDF5 file holds of a model: groups within groups, arrays of numbers, and texts that are attached to groups.
 */
#ifndef CVY_TREE_H
#define CVY_TREE_H

#include "../base/status.h"

enum { CVY_TREE_RANK_MAX = 4 };

typedef enum cvy_node_kind { CVY_NODE_GROUP, CVY_NODE_FLOATS, CVY_NODE_INTEGERS } cvy_node_kind;

/* Texts attached to a group: one, or an array of them, which may be empty. */
typedef struct cvy_texts {
    struct cvy_texts *next;
    char *name;
    bool array;
    size_t count; /* 1 unless it is an array */
    char **list;
} cvy_texts;

typedef struct cvy_node {
    struct cvy_node *next; /* in the same group */
    char *name;
    cvy_node_kind kind;
    /* Of a group. */
    struct cvy_node *first, *last;
    cvy_texts *texts, *last_texts;
    /* Of an array: in C order; a scalar has rank 0. The data is NULL where a file was read without its arrays. */
    int rank;
    size_t shape[CVY_TREE_RANK_MAX], count;
    union {
        void *data;
        float *floats;
        int64_t *integers;
    };
} cvy_node;

/* A group without a name: the root. NULL on an error. */
cvy_node *cvy_tree_new(cvy_status *status);
/* Frees a root and all below it. NULL does nothing. */
void cvy_tree_free(cvy_node *root);

/* Adds a group or an array to a group: the last of it. An array's data is NULL. NULL on an error. */
cvy_node *cvy_tree_add(cvy_node *group, const char *name, cvy_node_kind kind, int rank, const size_t *shape,
                       cvy_status *status);
/* Gives an array its data, zeroed. */
bool cvy_tree_allocate(cvy_node *array, cvy_status *status);
/* Attaches a copy of the texts to a group. */
bool cvy_tree_attach(cvy_node *group, const char *name, bool array, size_t count, const char *const *texts,
                     cvy_status *status);

/* The node at a path such as "layers/conv2d/vars/0"; NULL if there is none. */
cvy_node *cvy_tree_find(const cvy_node *group, const char *path);
/* The group at that path; what is missing of it is added. NULL on an error. */
cvy_node *cvy_tree_group(cvy_node *group, const char *path, cvy_status *status);
/* The texts of that name; NULL if there are none. */
const cvy_texts *cvy_tree_texts(const cvy_node *group, const char *name);
/* The text of that name, which is no array; NULL if there is none. */
const char *cvy_tree_text(const cvy_node *group, const char *name);

#endif
