/* Each allocation of describing a network, failing: an error that says so, and nothing lost. (jansson's own are left
 * alone: short of memory, it can drop a character of a string and go on.) */
#include "files.h"

#include "../../src/model/summary.h"
#include "../../src/model/variables.h"

/* ---- Allocation that fails --------------------------------------------------------------------------------------- */

static long until_failure = -1; /* allocations that will still succeed; negative: all */
static long live;               /* blocks not freed yet, while counting */
static bool counting;

static bool fails(void) {
    return counting && until_failure-- == 0;
}

static void *counted(void *block) {
    live += counting && block;
    return block;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size) {
    if (fails())
        return NULL;
    return block ? __real_realloc(block, size) : counted(__real_realloc(NULL, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *block) {
    live -= counting && block;
    __real_free(block);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

static char path[PATH_MAX];

/* From the file to a network with its variables. */
static void read_and_lay_out(cvy_status *status) {
    cvy_network *network = cvy_network_from(path, status);
    cvy_variables variables = {0};
    if (network)
        cvy_variables_layout(network, &variables, status);
    cvy_variables_free(&variables);
    cvy_network_free(network);
}

/* Runs it with the first, then with the second, ... allocation failing, until none does. Returns how many there were.
 */
static long fail_each(void (*run)(cvy_status *status)) {
    for (long n = 0;; n++) {
        cvy_status status = {0};
        live = 0;
        until_failure = n;
        counting = true;
        run(&status);
        counting = false;
        assert_int_equal(live, 0);
        if (until_failure >= 0) {
            expect_ok(&status);
            return n;
        }
        expect_error(&status, CVY_FAILED, "", "out of memory");
    }
}

TEST(reading_survives_every_failure) {
    snprintf(path, sizeof path, "%s/everything.json", CVY_NETWORKS);
    assert_true(fail_each(read_and_lay_out) >= 4);
    strcpy(path, "lenet5");
    assert_true(fail_each(read_and_lay_out) >= 3);
}

RUN_TESTS("network_memory", NULL, NULL)
