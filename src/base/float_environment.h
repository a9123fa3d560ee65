/* The floating-point environment that Convoy computes in: rounds to nearest, keeps subnormals, raises no signal. The
 * caller's may be another, and threads inherit it. */
#ifndef CVY_FLOAT_ENVIRONMENT_H
#define CVY_FLOAT_ENVIRONMENT_H

/* <fenv.h> costs about 100 ns on x86, where it also saves the state of the x87, which Convoy does not compute with. */
#if defined(__SSE2__)

#include <xmmintrin.h>
typedef unsigned cvy_float_environment;
#define CVY_FLOAT_DEFAULT 0x1f80u /* MXCSR: all exceptions masked, all else off */
#define CVY_FLOAT_FLAGS 0x3fu     /* exceptions that were, which change nothing */
static inline cvy_float_environment cvy_float_get(void) {
    return _mm_getcsr();
}
static inline void cvy_float_set(cvy_float_environment environment) {
    __asm__ volatile("" ::: "memory"); /* no arithmetic on memory moves over this */
    _mm_setcsr(environment);
    __asm__ volatile("" ::: "memory");
}

#elif defined(__aarch64__)

#include <stdint.h>
typedef uint64_t cvy_float_environment;
#define CVY_FLOAT_DEFAULT UINT64_C(0) /* FPCR: nothing trapped, all else off */
#define CVY_FLOAT_FLAGS UINT64_C(0)
static inline cvy_float_environment cvy_float_get(void) {
    cvy_float_environment environment;
    __asm__ volatile("mrs %0, fpcr" : "=r"(environment));
    return environment;
}
static inline void cvy_float_set(cvy_float_environment environment) {
    __asm__ volatile("msr fpcr, %0" ::"r"(environment) : "memory");
}

#else

#include <fenv.h>
typedef unsigned cvy_float_environment;
#define CVY_FLOAT_DEFAULT ((unsigned)FE_TONEAREST)
#define CVY_FLOAT_FLAGS 0u
static inline cvy_float_environment cvy_float_get(void) {
    return (unsigned)fegetround();
}
static inline void cvy_float_set(cvy_float_environment environment) {
    fesetround((int)environment);
}

#endif

static inline int cvy_float_is_default(cvy_float_environment environment) {
    return (environment & ~CVY_FLOAT_FLAGS) == CVY_FLOAT_DEFAULT;
}

/* Sets the default environment for the calling thread. Returns the one before, for cvy_float_leave. Where that is the
 * default already, nothing is set, which would take part in a prediction's few microseconds. */
static inline cvy_float_environment cvy_float_enter(void) {
    cvy_float_environment before = cvy_float_get();
    if (!cvy_float_is_default(before))
        cvy_float_set(CVY_FLOAT_DEFAULT);
    return before;
}

static inline void cvy_float_leave(cvy_float_environment before) {
    if (!cvy_float_is_default(before))
        cvy_float_set(before);
}

#endif
