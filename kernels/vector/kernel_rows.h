/* Tiles of weight gradients: filters x kernel rows x vectors of a row. A tier lists filters and vectors, and each such
 * pair has a function for each number of rows from 1 to KERNEL_ROWS. */
#ifndef CVY_VECTOR_KERNEL_ROWS_H
#define CVY_VECTOR_KERNEL_ROWS_H

enum { KERNEL_ROWS = 5 };

/* BODY(filters, rows, vectors) for each number of rows. */
#define OF_EACH_ROWS(BODY, filters, vectors)                                                                           \
    BODY(filters, 1, vectors)                                                                                          \
    BODY(filters, 2, vectors)                                                                                          \
    BODY(filters, 3, vectors)                                                                                          \
    BODY(filters, 4, vectors)                                                                                          \
    BODY(filters, 5, vectors)

/* Their entry in a table by filters, vectors, kernel rows, where the functions are called name_FILTERSxROWSxVECTORS. */
#define BY_ROWS(name, filters, vectors)                                                                                \
    [filters][vectors] = {NULL,                                                                                        \
                          name##_##filters##x1x##vectors,                                                              \
                          name##_##filters##x2x##vectors,                                                              \
                          name##_##filters##x3x##vectors,                                                              \
                          name##_##filters##x4x##vectors,                                                              \
                          name##_##filters##x5x##vectors},

#endif
