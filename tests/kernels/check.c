#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu.h"

#if defined(__SANITIZE_ADDRESS__)
#define CHECK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECK_ASAN 1
#endif
#endif
#ifdef CHECK_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

/* Around a buffer and in scratch: a NaN, so that a kernel which uses what it must not read spoils its result. */
static const uint32_t canary = 0x7fc5a5a5;
/* In outputs: an ordinary number that no kernel gives by chance. */
static const uint32_t untouched = 0xa5a5a5a5;

enum {
    ALIGNMENT = 64,
    NHWC_ALLOWANCE = 15 * sizeof(float),
    WATCHED = 1024, /* bytes on each side of a buffer whose canary is verified */
    FAILURES_SHOWN = 5
};

float check_untouched(void) {
    float value;
    memcpy(&value, &untouched, sizeof value);
    return value;
}

/* ---- Failures ---- */

static const char *const step_names[CHECK_STEPS] = {"integer", "random", "special"};

/* The tier stops after a few failures: what follows would be the same news. */
void check_fail(check *c, const char *format, ...) {
    c->failed |= 1u << c->tier;
    if (c->failures[c->tier]++ >= FAILURES_SHOWN)
        return;
    printf("# %s, %s: ", c->operation, cvy_tier_name(c->tier));
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n#   case %zu, %s inputs, %s, %s guard page; seed %llu\n", c->number, step_names[c->step], c->shape,
           c->at_end ? "rear" : "front", (unsigned long long)c->seed);
    if (c->failures[c->tier] == FAILURES_SHOWN) {
        printf("# %s, %s: no more of these\n", c->operation, cvy_tier_name(c->tier));
        c->tiers &= ~(1u << c->tier);
    }
}

/* ---- Random numbers ---- */

/* SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t check_random(check *c) {
    return mix(c->random += 0x9e3779b97f4a7c15u);
}

uint32_t check_below(check *c, uint32_t bound) {
    return (uint32_t)(((check_random(c) >> 32) * bound) >> 32);
}

float check_uniform(check *c) {
    return (float)(int64_t)((check_random(c) >> 40) - (1u << 23)) * 0x1p-23f;
}

/* ---- Cases ---- */

static void release_memory(check *c) {
    for (int i = 0; i < c->chunks; i++)
        free(c->chunk[i]);
    c->chunks = 0;
}

/* Every case starts from a seed of its own, so that it comes out the same whichever others ran before it. */
void check_case(check *c, size_t number, check_step step, const char *format, ...) {
    for (int i = 0; i < c->buffers; i++)
        mprotect(c->buffer[i].pages, c->buffer[i].capacity, PROT_READ | PROT_WRITE);
    release_memory(c);
    c->buffers = 0;
    c->number = number;
    c->step = step;
    c->at_end = (number + step) % 2 == 0;
    c->misalignment = (int)(number / 2 % 16);
    c->random = c->seed;
    for (const char *p = c->operation; *p; p++)
        c->random = mix(c->random + (unsigned char)*p);
    c->random = mix(mix(c->random + number) + step);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->shape, sizeof c->shape, format, arguments);
    va_end(arguments);
}

static void *allocated(void *p) {
    if (!p) {
        printf("Bail out! out of memory\n");
        exit(1);
    }
    return p;
}

void *check_memory(check *c, size_t bytes) {
    if (c->chunks == CHECK_CHUNKS) {
        printf("Bail out! CHECK_CHUNKS is too small\n");
        exit(1);
    }
    return c->chunk[c->chunks++] = allocated(calloc(bytes ? bytes : 1, 1));
}

/* ---- Buffers ---- */

static void fill_words(unsigned char *from, const unsigned char *end, uint32_t word) {
    /* In step with the address, so that any part of it can be verified. */
    for (; from < end; from++)
        *from = (unsigned char)(word >> ((uintptr_t)from % 4 * 8));
}

static bool holds_word(const unsigned char *from, const unsigned char *end, uint32_t word) {
    for (; from < end; from++)
        if (*from != (unsigned char)(word >> ((uintptr_t)from % 4 * 8)))
            return false;
    return true;
}

static unsigned char *earlier(unsigned char *a, unsigned char *b) {
    return a < b ? a : b;
}

/* The watched bytes before and behind a buffer. */
static unsigned char *watched_begin(const check_buffer *b) {
    return b->data - b->pages > WATCHED ? b->data - WATCHED : b->pages;
}

static unsigned char *watched_end(const check_buffer *b) {
    unsigned char *end = b->data + b->bytes;
    return (size_t)(b->pages + b->capacity - end) > WATCHED ? end + WATCHED : b->pages + b->capacity;
}

/* At least `bytes` between two guard pages. */
static void map_pages(check_buffer *b, size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (b->pages) {
        ASAN_UNPOISON_MEMORY_REGION(b->pages, b->capacity);
        munmap(b->pages - page, b->capacity + 2 * page);
    }
    b->capacity = (bytes / page + 1) * page;
    unsigned char *map = mmap(NULL, b->capacity + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        map = allocated(NULL);
    b->pages = map + page;
    mprotect(map, page, PROT_NONE);
    mprotect(b->pages + b->capacity, page, PROT_NONE);
}

/* Places a buffer. Against the rear guard page lies the last byte that may be touched, or as near as alignment lets it;
 * under the address sanitizer the bytes between are forbidden too. */
static check_buffer *place(check *c, const char *name, size_t bytes, size_t alignment, size_t allowance,
                           size_t misalignment) {
    if (c->buffers == CHECK_BUFFERS) {
        printf("Bail out! CHECK_BUFFERS is too small\n");
        exit(1);
    }
    check_buffer *b = &c->buffer[c->buffers++];
    const size_t need = (bytes + allowance + alignment - 1) / alignment * alignment;
    if (!b->pages || need + misalignment > b->capacity)
        map_pages(b, need + misalignment);
    else
        ASAN_UNPOISON_MEMORY_REGION(b->pages, b->capacity);
    free(b->pristine);
    free(b->reference);
    b->pristine = b->reference = NULL;
    b->name = name;
    b->bytes = bytes;
    b->allowance = allowance;
    b->integers = false;
    b->data = c->at_end ? b->pages + b->capacity - need : b->pages + misalignment;
    fill_words(watched_begin(b), b->data, canary);
    fill_words(b->data + bytes, watched_end(b), canary);
    ASAN_POISON_MEMORY_REGION(b->pages, (size_t)(b->data - b->pages));
    unsigned char *behind = earlier(b->data + bytes + allowance, b->pages + b->capacity);
    ASAN_POISON_MEMORY_REGION(behind, (size_t)(b->pages + b->capacity - behind));
    return b;
}

static check_buffer *place_output(check *c, const char *name, size_t bytes, size_t alignment, size_t misalignment) {
    check_buffer *b = place(c, name, bytes, alignment, 0, misalignment);
    b->role = CHECK_OUT;
    b->pristine = allocated(malloc(bytes ? bytes : 1));
    for (size_t i = 0; i + sizeof untouched <= bytes; i += sizeof untouched)
        memcpy(b->pristine + i, &untouched, sizeof untouched);
    return b;
}

static size_t misaligned_bytes(const check *c) {
    return (size_t)c->misalignment * sizeof(float);
}

static float *filled(check *c, check_buffer *b, float amplitude) {
    b->role = CHECK_IN;
    check_fill(c, (float *)(void *)b->data, b->bytes / sizeof(float), amplitude);
    return (float *)(void *)b->data;
}

float *check_input_within(check *c, const char *name, size_t count, float amplitude) {
    return filled(c, place(c, name, count * sizeof(float), ALIGNMENT, 0, 0), amplitude);
}

float *check_input(check *c, const char *name, size_t count) {
    return check_input_within(c, name, count, 1);
}

float *check_input_nhwc(check *c, const char *name, size_t count) {
    return filled(c, place(c, name, count * sizeof(float), sizeof(float), NHWC_ALLOWANCE, misaligned_bytes(c)), 1);
}

float *check_input_unaligned(check *c, const char *name, size_t count) {
    return filled(c, place(c, name, count * sizeof(float), sizeof(float), 0, misaligned_bytes(c)), 1);
}

void *check_input_raw(check *c, const char *name, size_t bytes, size_t alignment) {
    check_buffer *b = place(c, name, bytes, alignment, 0, (size_t)c->misalignment * alignment);
    b->role = CHECK_IN;
    return b->data;
}

float *check_output(check *c, const char *name, size_t count) {
    return (float *)(void *)place_output(c, name, count * sizeof(float), ALIGNMENT, 0)->data;
}

static int32_t *integers(check_buffer *b) {
    b->integers = true;
    return (int32_t *)(void *)b->data;
}

int32_t *check_output_int32(check *c, const char *name, size_t count) {
    return integers(place_output(c, name, count * sizeof(int32_t), ALIGNMENT, 0));
}

int32_t *check_output_int32_unaligned(check *c, const char *name, size_t count) {
    return integers(place_output(c, name, count * sizeof(int32_t), sizeof(int32_t), misaligned_bytes(c)));
}

float *check_output_nhwc(check *c, const char *name, size_t count) {
    return check_output_unaligned(c, name, count);
}

float *check_output_unaligned(check *c, const char *name, size_t count) {
    return (float *)(void *)place_output(c, name, count * sizeof(float), sizeof(float), misaligned_bytes(c))->data;
}

static float *holding(check_buffer *b, const float *contents) {
    b->role = CHECK_INOUT;
    memcpy(b->pristine, contents, b->bytes);
    return (float *)(void *)b->data;
}

float *check_inout(check *c, const char *name, size_t count, const float *contents) {
    return holding(place_output(c, name, count * sizeof(float), ALIGNMENT, 0), contents);
}

float *check_inout_unaligned(check *c, const char *name, size_t count, const float *contents) {
    return holding(place_output(c, name, count * sizeof(float), sizeof(float), misaligned_bytes(c)), contents);
}

float *check_scratch(check *c, const char *name, size_t count) {
    check_buffer *b = place(c, name, count * sizeof(float), ALIGNMENT, 0, 0);
    b->role = CHECK_SCRATCH;
    return (float *)(void *)b->data;
}

/* ---- Inputs ---- */

/* Zeros, subnormals and numbers whose products underflow: the result stays a number. */
static float tame_special(check *c) {
    static const float values[] = {0.0f,      -0.0f,      0x1p-149f, -0x1p-149f, 0x1.fffffcp-127f, -0x1p-127f,
                                   0x1p-126f, -0x1p-126f, 1e-30f,    -1e-30f,    0x1p-75f,         -0x1p-75f};
    return values[check_below(c, sizeof values / sizeof *values)];
}

static float wild_special(check *c) {
    static const float values[] = {INFINITY, -INFINITY, NAN, 0x1.fffffep127f, -0x1.fffffep127f, -NAN};
    return values[check_below(c, sizeof values / sizeof *values)];
}

/* In the special step every second buffer also has a few wild ones: one is enough to reach many results, and where all
 * results are NaN nothing is seen. */
void check_fill(check *c, float *data, size_t count, float amplitude) {
    for (size_t i = 0; i < count; i++) {
        if (c->step == CHECK_INTEGER) {
            const uint32_t r = check_below(c, 16);
            data[i] = r < 8 ? (float)(r + 1) : -(float)(r - 7);
        } else if (c->step == CHECK_SPECIAL && check_below(c, 4) == 0) {
            data[i] = tame_special(c);
        } else {
            data[i] = check_uniform(c) * amplitude;
        }
    }
    if (c->step == CHECK_SPECIAL && count && check_below(c, 2) == 0)
        for (uint32_t wild = 1 + check_below(c, 3); wild > 0; wild--)
            data[check_below(c, (uint32_t)count)] = wild_special(c);
}

void check_fill_underflow(size_t i, check_step step, float *a, size_t a_count, float *b, size_t b_count) {
    if (step != CHECK_SPECIAL || i % 8 != 0)
        return;
    for (size_t k = 0; k < a_count; k++)
        a[k] = 0x1p-100f;
    for (size_t k = 0; k < b_count; k++)
        b[k] = -0x1p-100f;
}

/* ---- Tiers ---- */

uint32_t check_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits;
}

static void restore_outputs(check *c) {
    for (int i = 0; i < c->buffers; i++) {
        check_buffer *b = &c->buffer[i];
        if (b->role == CHECK_SCRATCH)
            fill_words(b->data, b->data + b->bytes, canary);
        else if (b->role != CHECK_IN)
            memcpy(b->data, b->pristine, b->bytes);
    }
}

static bool start_tier(check *c, unsigned from) {
    for (unsigned t = from; t < CVY_TIERS; t++) {
        if (c->tiers & 1u << t) {
            c->tier = (cvy_tier)t;
            c->calls[t]++;
            c->running = true;
            restore_outputs(c);
            return true;
        }
    }
    return false;
}

bool check_first_tier(check *c) {
    for (int i = 0; i < c->buffers; i++)
        if (c->buffer[i].role == CHECK_IN)
            mprotect(c->buffer[i].pages, c->buffer[i].capacity, PROT_READ);
    const bool any = start_tier(c, 0);
    c->first_tier = c->tier;
    return any;
}

static void verify_surroundings(check *c, check_buffer *b) {
    ASAN_UNPOISON_MEMORY_REGION(b->pages, b->capacity);
    if (!holds_word(watched_begin(b), b->data, canary))
        check_fail(c, "%s: bytes before it were written", b->name);
    if (!holds_word(b->data + b->bytes, watched_end(b), canary))
        check_fail(c, "%s: bytes behind it were written", b->name);
    fill_words(watched_begin(b), b->data, canary);
    fill_words(b->data + b->bytes, watched_end(b), canary);
    ASAN_POISON_MEMORY_REGION(b->pages, (size_t)(b->data - b->pages));
    ASAN_POISON_MEMORY_REGION(b->data + b->bytes, (size_t)(b->pages + b->capacity - b->data) - b->bytes);
}

/* One NaN for all, in place: which NaN is not part of the contract. */
static void canonicalise(const check_buffer *b, unsigned char *data) {
    for (size_t i = 0; !b->integers && i + sizeof(float) <= b->bytes; i += sizeof(float)) {
        float value;
        memcpy(&value, data + i, sizeof value);
        const uint32_t bits = check_bits(value);
        memcpy(data + i, &bits, sizeof bits);
    }
}

/* The promise: the same bits on every tier. */
static void compare_with_first(check *c, check_buffer *b) {
    canonicalise(b, b->data);
    if (c->tier == c->first_tier) {
        b->reference = allocated(malloc(b->bytes ? b->bytes : 1));
        memcpy(b->reference, b->data, b->bytes);
    } else if (memcmp(b->data, b->reference, b->bytes) != 0) {
        size_t i = 0;
        while (b->data[i] == b->reference[i])
            i++;
        check_fail(c, "%s: the bits differ from the %s tier's at element %zu of %zu", b->name,
                   cvy_tier_name(c->first_tier), i / sizeof(float), b->bytes / sizeof(float));
    }
}

bool check_next_tier(check *c) {
    c->running = false;
    for (int i = 0; i < c->buffers; i++) {
        check_buffer *b = &c->buffer[i];
        if (b->role == CHECK_IN)
            continue; /* write-protected, with what surrounds it */
        verify_surroundings(c, b);
        if (b->role != CHECK_SCRATCH)
            compare_with_first(c, b);
    }
    return start_tier(c, c->tier + 1u);
}

/* ---- Comparisons ---- */

size_t check_count(check_axes axes) {
    size_t count = 1;
    for (int i = 0; i < axes.rank; i++)
        count *= axes.extent[i];
    return count;
}

/* [1][2][3] for the element at a flat index. */
static const char *element(char *text, size_t size, check_axes axes, size_t at) {
    size_t index[5] = {0}, length = 0;
    for (int i = axes.rank - 1; i >= 0; i--) {
        index[i] = at % axes.extent[i];
        at /= axes.extent[i];
    }
    text[0] = '\0';
    for (int i = 0; i < axes.rank && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "[%zu]", index[i]);
    return text;
}

/* The bits of the contract's chain, and a value that is true. Returns false if it failed. */
static bool check_value(check *c, const char *name, float got, const oracle_value *e, check_axes axes, size_t at) {
    char where[80];
    if (c->step == CHECK_SPECIAL) {
        c->compared++;
        c->finite += isfinite(got) ? 1 : 0;
    } else if (!(fabs(got - e->value) <= e->bound)) {
        check_fail(c, "%s%s: expected %.9g, got %.9g, off by %.3g with a bound of %.3g", name,
                   element(where, sizeof where, axes, at), e->value, got, fabs(got - e->value), e->bound);
        return false;
    }
    if (check_bits(got) != check_bits(e->exact)) {
        check_fail(c, "%s%s: the contract's order gives %a (%.9g), got %a (%.9g)", name,
                   element(where, sizeof where, axes, at), e->exact, e->exact, got, got);
        return false;
    }
    return true;
}

void check_values(check *c, const char *name, const float *got, const oracle_value *expected, check_axes axes,
                  double share) {
    const size_t count = check_count(axes);
    size_t nonzero = 0;
    for (size_t i = 0; i < count; i++) {
        if (!check_value(c, name, got[i], &expected[i], axes, i))
            return;
        nonzero += got[i] != 0 ? 1 : 0;
    }
    /* Of fewer elements all may be zero by chance. */
    if (c->step != CHECK_SPECIAL && count >= CVY_LANES && (double)nonzero < share * (double)count)
        check_fail(c, "%s: only %zu of %zu elements are not zero, which proves nothing", name, nonzero, count);
}

void check_floats(check *c, const char *name, const float *got, const float *expected, check_axes axes) {
    char where[80];
    for (size_t i = 0; i < check_count(axes); i++) {
        if (check_bits(got[i]) != check_bits(expected[i])) {
            check_fail(c, "%s%s: expected %a (%.9g), got %a (%.9g)", name, element(where, sizeof where, axes, i),
                       expected[i], expected[i], got[i], got[i]);
            return;
        }
    }
}

void check_integers(check *c, const char *name, const int32_t *got, const int32_t *expected, check_axes axes) {
    char where[80];
    for (size_t i = 0; i < check_count(axes); i++) {
        if (got[i] != expected[i]) {
            check_fail(c, "%s%s: expected %d, got %d", name, element(where, sizeof where, axes, i), expected[i],
                       got[i]);
            return;
        }
    }
}

double check_ulps(float got, double expected) {
    if (isnan(expected) || isnan(got))
        return isnan(expected) && isnan(got) ? 0 : INFINITY;
    /* Beyond the largest float the next one would be 2^128, which stands for infinity. */
    const double limit = 0x1p128, value = fmin(fmax(expected, -limit), limit);
    const double have = isinf(got) ? copysign(limit, got) : got;
    int exponent;
    frexp(value, &exponent);
    if (exponent < -125 || value == 0)
        exponent = -125;
    if (exponent > 128)
        exponent = 128;
    return fabs(have - value) / ldexp(1, exponent - 24);
}

/* ---- Tests of an operation over its cases ---- */

bool check_conv2d_step(size_t number, check_step step) {
    return step != CHECK_SPECIAL || number % 4 == 0;
}

void check_each_conv2d(check *c, check_conv2d_test *run) {
    conv2d_case cc;
    for (size_t i = 0; conv2d_case_at(c->set, i, &cc); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++)
            if (check_conv2d_step(i, step))
                run(c, i, step, &cc);
}

#define EACH(kind)                                                                                                     \
    void check_each_##kind(check *c, check_##kind##_test *run) {                                                       \
        kind##_case one;                                                                                               \
        for (size_t i = 0; kind##_case_at(c->set, i, &one); i++)                                                       \
            for (check_step step = 0; step < CHECK_STEPS; step++)                                                      \
                run(c, i, step, &one);                                                                                 \
    }
EACH(pool)
EACH(dense)
