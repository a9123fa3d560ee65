#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "../src/base/clock.h"
#include "counters.h"
#include "cpu.h"
#include "harness.h"
#include "names.h"

enum { CAPACITY = 256 << 20 };

/* A row with one of its cases. */
typedef struct subject {
    struct subject *next; /* registered before it */
    const char *operation;
    const bench_row *row;
    cvy_tier tier;
    size_t index;
    int32_t images;
} subject;

/* What a benchmark of the subject computes on. */
typedef struct setting {
    bench_memory memory;
    cvy_kernels kernels;
    const void *data;
    double flop;
} setting;

static setting prepare(const subject *s) {
    setting p = {.memory = bench_memory_new(CAPACITY)};
    cvy_kernels_fill(&p.kernels, cvy_cpu_best(cvy_cpu_tiers()));
    bench_case b = {.memory = &p.memory, .kernels = &p.kernels, .index = s->index, .images = s->images};
    p.data = s->row->family->make(&b);
    p.flop = b.flop;
    cvy_kernels_fill(&p.kernels, s->tier);
    s->row->call(&p.kernels, p.data);
    return p;
}

static void finish(bench_state *state, const subject *s, setting *p) {
    bench_count(state, "flop", p->flop);
    bench_count(state, "bytes", s->row->floats(p->data) * sizeof(float));
    bench_memory_free(&p->memory);
}

/* Calls on the same data again and again, which stays in the caches that hold it. */
static void run_warm(bench_state *state, void *argument) {
    const subject *s = argument;
    setting p = prepare(s);
    bench_counters_reset();
    bench_counters_resume();
    while (bench_more(state))
        s->row->call(&p.kernels, p.data);
    bench_counters_pause();
    bench_counters_report(state);
    finish(state, s, &p);
}

/* Every call finds its data in memory, not in a cache. */
static void run_cold(bench_state *state, void *argument) {
    const subject *s = argument;
    setting p = prepare(s);
    while (bench_more(state)) {
        if (!bench_chill(p.memory.base, p.memory.used))
            bench_fail(state, "this processor has no instruction that empties a cache");
        double begun = cvy_clock();
        s->row->call(&p.kernels, p.data);
        bench_seconds(state, cvy_clock() - begun);
    }
    finish(state, s, &p);
}

/* The last subject that was registered. */
static subject *registered;

static void register_case(const subject *s, const char *case_name) {
    static const char *const counts[] = {[1] = "_1_image", [CVY_LANES] = "_16_images"};
    char word[BENCH_NAME_MAX], name[3 * BENCH_NAME_MAX];
    subject *kept = malloc(sizeof *kept);
    if (!kept) {
        fputs("benchmarks: out of memory\n", stderr);
        exit(1);
    }
    *kept = *s;
    kept->next = registered;
    registered = kept;
    bench_word(case_name, word, sizeof word);
    snprintf(name, sizeof name, "kernel/%s/%s%s/%s/warm", s->operation, word,
             s->row->family->few ? counts[s->images] : "", cvy_tier_name(s->tier));
    bench_register(name, run_warm, kept, (bench_settings){0});
    memcpy(strrchr(name, '/'), "/cold", 5);
    bench_register(name, run_cold, kept, (bench_settings){.own_clock = true});
}

static void register_row(const char *operation, const bench_row *row, cvy_tier tier, unsigned tiers) {
    char name[BENCH_NAME_MAX];
    for (size_t i = 0; tiers >> tier & 1 && row->family->name(i, name); i++) {
        subject s = {.operation = operation, .row = row, .tier = tier, .index = i, .images = CVY_LANES};
        register_case(&s, name);
        s.images = 1;
        if (row->family->few)
            register_case(&s, name);
    }
}

void bench_register_rows(unsigned tiers) {
#define ROW(name, tier) register_row(#name, &bench_##name, CVY_TIER_##tier, tiers);
#define CVY_OPERATION(set, result, name, parameters) CVY_TIERS_##set(ROW, name)
#include "kernels.def"
}

void bench_rows_free(void) {
    while (registered) {
        subject *last = registered;
        registered = last->next;
        free(last);
    }
}

void bench_draw(bench_memory *memory, int32_t height, int32_t width, int32_t channels, float *x) {
    const float side = (float)(height < width ? height : width);
    for (int l = 0; l < CVY_LANES; l++) {
        float cy = bench_uniform(memory, 0.4f, 0.6f) * (float)height;
        float cx = bench_uniform(memory, 0.4f, 0.6f) * (float)width;
        float radius = bench_uniform(memory, 0.2f, 0.3f) * side, pen = 0.07f * side;
        for (int32_t at = 0; at < height * width * channels; at++) {
            float dy = (float)(at / channels / width) - cy, dx = (float)(at / channels % width) - cx;
            float distance = __builtin_fabsf(__builtin_sqrtf(dy * dy + dx * dx) - radius);
            x[at * CVY_LANES + l] = distance < pen ? bench_uniform(memory, 150, 255) : 0;
        }
    }
}
