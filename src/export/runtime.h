/* The text of runtime.c. */
#ifndef CVY_EXPORT_RUNTIME_H
#define CVY_EXPORT_RUNTIME_H

/* Its lines, each with its end; NULL follows the last. */
extern const char *const cvy_runtime_lines[];

#endif
