#include "files.h"

#include "../../src/io/safetensors.h"

#include <signal.h>
#include <sys/resource.h>

/* ---- Reading: files made by hand -------------------------------------------------------------------------------- */

/* A file of that header and `data` bytes 0, 1, 2, ... after it. */
static const char *make_file(const char *header, size_t data) {
    uint8_t bytes[4096] = {0};
    size_t length = strlen(header);
    assert_true(8 + length + data <= sizeof bytes);
    bytes[0] = (uint8_t)length;
    bytes[1] = (uint8_t)(length >> 8);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data; i++)
        bytes[8 + length + i] = (uint8_t)i;
    return write_file("made.safetensors", bytes, 8 + length + data);
}

static void expect_failure(const char *path, const char *where, const char *what) {
    cvy_status status = {0};
    assert_null(cvy_safetensors_open(path, &status));
    expect_error(&status, CVY_FAILED, path, what);
    expect_error(&status, CVY_FAILED, where, what);
}

#define F32(name, shape, begin, end)                                                                                   \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

TEST(reads_a_file) {
    cvy_status status = {0};
    const char *path =
        make_file("{\"__metadata__\":{\"format\":\"pt\"}," F32(
                      "b", "[1,3]", 20, 32) ","
                                            "\"a\":{\"data_offsets\":[4,20],\"shape\":[2],\"dtype\":\"F64\"},"
                                            "\"c\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]}," F32(
                                                "none", "[4,0]", 20, 20) "}   ",
                  32);
    cvy_safetensors *file = cvy_safetensors_open(path, &status);
    expect_ok(&status);
    assert_int_equal(cvy_safetensors_count(file), 4);
    assert_string_equal(cvy_safetensors_path(file), path);
    assert_string_equal(cvy_safetensors_metadata(file, "format"), "pt");
    assert_null(cvy_safetensors_metadata(file, "other"));
    assert_null(cvy_safetensors_find(file, "d"));
    assert_null(cvy_safetensors_find(file, "__metadata__"));
    static const struct {
        const char *name;
        cvy_dtype dtype;
        int rank;
        size_t shape[2], elements, bytes;
        uint8_t first;
    } expected[] = {{"b", CVY_F32, 2, {1, 3}, 3, 12, 20},
                    {"a", CVY_F64, 1, {2}, 2, 16, 4},
                    {"c", CVY_I32, 0, {0}, 1, 4, 0},
                    {"none", CVY_F32, 2, {4, 0}, 0, 0, 0}};
    for (size_t i = 0; i < 4; i++) {
        const cvy_tensor *t = cvy_safetensors_at(file, i);
        assert_ptr_equal(t, cvy_safetensors_find(file, expected[i].name));
        assert_string_equal(t->name, expected[i].name);
        assert_int_equal(t->dtype, expected[i].dtype);
        assert_int_equal(t->rank, expected[i].rank);
        assert_memory_equal(t->shape, expected[i].shape, (size_t)t->rank * sizeof *t->shape);
        assert_int_equal(cvy_tensor_elements(t), expected[i].elements);
        assert_int_equal((uintptr_t)t->data % 64, 0);
        for (size_t k = 0; k < expected[i].bytes; k++)
            assert_int_equal(((const uint8_t *)t->data)[k], expected[i].first + k);
    }
    cvy_safetensors_close(file);
    cvy_safetensors_close(NULL);
}

TEST(reads_a_file_without_tensors) {
    cvy_status status = {0};
    cvy_safetensors *file = cvy_safetensors_open(make_file("{}", 0), &status);
    expect_ok(&status);
    assert_int_equal(cvy_safetensors_count(file), 0);
    assert_null(cvy_safetensors_metadata(file, "format"));
    cvy_safetensors_close(file);
}

TEST(wrong_length) {
    uint8_t bytes[64] = {0};
    expect_failure(write_file("made.safetensors", bytes, 0), "", "0 bytes, too short");
    expect_failure(write_file("made.safetensors", bytes, 7), "", "7 bytes, too short");
    bytes[0] = 57;
    expect_failure(write_file("made.safetensors", bytes, 64), "", "a header of 57 bytes in a file of 64");
    memset(bytes, 0xff, 8);
    expect_failure(write_file("made.safetensors", bytes, 64), "", "a header of 18446744073709551615 bytes");
    /* Within a file of many gigabytes, of which none is read: more than the format allows. */
    memcpy(bytes, "\1\xe1\xf5\5\0\0\0\0", 8);
    const char *path = write_file("made.safetensors", bytes, 64);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    expect_failure(path, "", "a header of 100000001 bytes");
}

TEST(wrong_json) {
    expect_failure(make_file("", 0), "", "not valid JSON");
    expect_failure(make_file("{", 0), "", "not valid JSON");
    expect_failure(make_file("{} x", 0), "", "not valid JSON");
    expect_failure(make_file("{\"a\xff\":1}", 0), "", "not valid JSON");
    expect_failure(make_file("[]", 0), "", "header is not a JSON object");
    expect_failure(make_file("{" F32("twice", "[]", 0, 4) "," F32("twice", "[]", 4, 8) "}", 8), "", "twice");
    expect_failure(make_file("{\"__metadata__\":[]}", 0), "", "__metadata__ is not an object");
    expect_failure(make_file("{\"__metadata__\":{\"n\":1}}", 0), "", "__metadata__ n is not a string");
}

TEST(wrong_tensors) {
    static const struct {
        const char *entry, *what;
    } wrong[] = {
        {"[]", "not an object of dtype, shape and data_offsets"},
        {"{\"dtype\":\"F32\",\"shape\":[]}", "not an object of dtype"},
        {"{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,8],\"x\":1}", "not an object of dtype"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"offsets\":[0,8]}", "data_offsets are not two"},
        {"{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}", "dtype is BF16, expected F32, F64 or I32"},
        {"{\"dtype\":32,\"shape\":[4],\"data_offsets\":[0,8]}", "dtype is not a string"},
        {"{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}", "shape is not an array"},
        {"{\"dtype\":\"F32\",\"shape\":[1,1,1,1,2],\"data_offsets\":[0,8]}", "has 5 dimensions, expected at most 4"},
        {"{\"dtype\":\"F32\",\"shape\":[1,-2],\"data_offsets\":[0,8]}", "shape[1] is not a non-negative integer"},
        {"{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}", "shape[0] is not a non-negative integer"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}", "data_offsets are not two"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,\"8\"]}", "data_offsets are not two"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}", "data_offsets are not two"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}", "data_offsets [8, 0] disagree"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}", "disagree with its shape, which needs 8 bytes"},
        {"{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,4]}", "disagree with its shape, which needs 8 bytes"},
        {"{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}", "run past the file's 8 bytes of data"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[9223372036854775800,9223372036854775807]}", "disagree"},
        {"{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}", "its shape overflows"},
        {"{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,0],\"data_offsets\":[0,0]}", "its shape overflows"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char header[512];
        snprintf(header, sizeof header, "{\"wrong\":%s}", wrong[i].entry);
        expect_failure(make_file(header, 8), "tensor wrong", wrong[i].what);
    }
}

TEST(wrong_cover) {
    expect_failure(make_file("{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 4, 12) "}", 12), "tensor b",
                   "bytes 4 to 12, overlaps that of tensor a");
    expect_failure(make_file("{" F32("a", "[1]", 4, 8) "," F32("b", "[2]", 0, 8) "}", 8), "tensor a",
                   "overlaps that of tensor b");
    expect_failure(make_file("{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 0, 8) "}", 8), "tensor ", "overlaps");
    expect_failure(make_file("{" F32("a", "[1]", 8, 12) "," F32("b", "[1]", 0, 4) "}", 12), "tensor a",
                   "the 4 bytes before its data belong to no tensor");
    expect_failure(make_file("{" F32("a", "[1]", 4, 8) "}", 8), "tensor a", "the 4 bytes before its data");
    expect_failure(make_file("{" F32("a", "[1]", 0, 4) "}", 9), "", "5 bytes follow the last tensor");
    expect_failure(make_file("{}", 1), "", "1 bytes follow the last tensor");
}

TEST(not_a_file) {
    expect_failure(directory, "", "is a directory, expected a file");
    expect_failure(path_of("nothing"), "", "cannot open: No such file or directory");
}

TEST(reads_the_golden_run) {
    cvy_status status = {0};
    cvy_safetensors *file = cvy_safetensors_open(CVY_GOLDEN "/lesson_20_b32.safetensors", &status);
    expect_ok(&status);
    assert_int_equal(cvy_safetensors_count(file), 94);
    const cvy_tensor *kernel = cvy_safetensors_find(file, "init/conv2d/kernel");
    const cvy_tensor *batches = cvy_safetensors_find(file, "batches");
    const cvy_tensor *loss = cvy_safetensors_find(file, "loss_f64");
    assert_non_null(kernel);
    assert_non_null(batches);
    assert_non_null(loss);
    assert_int_equal(kernel->dtype, CVY_F32);
    assert_int_equal(batches->dtype, CVY_I32);
    assert_int_equal(loss->dtype, CVY_F64);
    assert_int_equal(kernel->rank, 4);
    assert_memory_equal(kernel->shape, ((size_t[]){5, 5, 1, 3}), sizeof kernel->shape);
    assert_memory_equal(batches->shape, ((size_t[]){200, 32}), 2 * sizeof(size_t));
    for (size_t i = 0; i < cvy_tensor_elements(batches); i++)
        assert_in_range(((const int32_t *)batches->data)[i], 0, 59999);
    for (size_t i = 0; i < cvy_tensor_elements(loss); i++)
        assert_true(((const double *)loss->data)[i] > 0 && ((const double *)loss->data)[i] < 100);
    cvy_safetensors_close(file);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static const float ones[6] = {1, 1, 1, 1, 1, 1};
static const double pi[1] = {3.141592653589793};
static const int32_t counts[3] = {-1, 0, 1};

static const cvy_tensor some[] = {
    {.name = "z/kernel", .dtype = CVY_F32, .rank = 2, .shape = {2, 3}, .data = ones},
    {.name = "a", .dtype = CVY_I32, .rank = 1, .shape = {3}, .data = counts},
    {.name = "pi", .dtype = CVY_F64, .rank = 0, .data = pi},
    {.name = "none", .dtype = CVY_F32, .rank = 4, .shape = {1, 0, 2, 2}, .data = ones},
};
enum { SOME = COUNT(some) };

TEST(writes_the_format) {
    cvy_status status = {0};
    static const char *const metadata[] = {"made by", "a \"test\"", "a", "b\\\n", NULL};
    const char *path = path_of("written.safetensors");
    assert_true(cvy_safetensors_write(path, some, SOME, metadata, &status));
    expect_ok(&status);
    static const char header[] = "{\"__metadata__\":{\"made by\":\"a \\\"test\\\"\",\"a\":\"b\\\\\\n\"}," F32(
        "z/kernel", "[2,3]", 0,
        24) ","
            "\"a\":{\"dtype\":\"I32\",\"shape\":[3],\"data_offsets\":[24,36]},"
            "\"pi\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[36,44]}," F32("none", "[1,0,2,2]", 44, 44) "}";
    size_t count, padded = (strlen(header) + 7) / 8 * 8;
    uint8_t *bytes = read_whole(path, &count);
    assert_int_equal(count, 8 + padded + 44);
    assert_int_equal(bytes[0] | bytes[1] << 8, padded);
    assert_memory_equal(bytes + 2, "\0\0\0\0\0\0", 6);
    assert_memory_equal(bytes + 8, header, strlen(header));
    for (size_t i = strlen(header); i < padded; i++)
        assert_int_equal(bytes[8 + i], ' ');
    assert_memory_equal(bytes + 8 + padded, ones, 24);
    assert_memory_equal(bytes + 8 + padded + 24, counts, 12);
    assert_memory_equal(bytes + 8 + padded + 36, pi, 8);
    free(bytes);
}

TEST(reads_what_it_wrote) {
    cvy_status status = {0};
    static const char *const metadata[] = {"k\u00e9y", "\u4e16\u754c", NULL};
    cvy_tensor tensors[SOME];
    memcpy(tensors, some, sizeof some);
    tensors[1].name = "quotes \" and \\ and \t and \u00e9";
    const char *path = path_of("back.safetensors");
    cvy_safetensors_write(path, tensors, SOME, metadata, &status);
    cvy_safetensors *file = cvy_safetensors_open(path, &status);
    expect_ok(&status);
    assert_int_equal(cvy_safetensors_count(file), SOME);
    assert_string_equal(cvy_safetensors_metadata(file, metadata[0]), metadata[1]);
    for (size_t i = 0; i < SOME; i++) {
        const cvy_tensor *t = cvy_safetensors_at(file, i);
        assert_string_equal(t->name, tensors[i].name);
        assert_int_equal(t->dtype, tensors[i].dtype);
        assert_int_equal(t->rank, tensors[i].rank);
        assert_memory_equal(t->shape, tensors[i].shape, (size_t)t->rank * sizeof *t->shape);
        assert_memory_equal(t->data, tensors[i].data, cvy_tensor_elements(t) * (t->dtype == CVY_F64 ? 8 : 4));
    }
    cvy_safetensors_close(file);
}

/* Every length of header modulo 8. */
TEST(data_begins_at_a_multiple_of_8) {
    for (int length = 1; length <= 8; length++) {
        cvy_status status = {0};
        char name[16];
        snprintf(name, sizeof name, "%.*s", length, "abcdefgh");
        cvy_tensor t = {.name = name, .dtype = CVY_F64, .data = pi};
        const char *path = path_of("padded.safetensors");
        cvy_safetensors_write(path, &t, 1, NULL, &status);
        expect_ok(&status);
        size_t count;
        uint8_t *bytes = read_whole(path, &count);
        assert_int_equal(bytes[0] % 8, 0);
        assert_int_equal(count, 8 + bytes[0] + 8);
        assert_memory_equal(bytes + 8 + bytes[0], pi, 8);
        free(bytes);
    }
}

TEST(mode_follows_the_umask) {
    static const mode_t masks[] = {0022, 0077, 0002, 0000};
    mode_t before = umask(0);
    for (size_t i = 0; i < COUNT(masks); i++) {
        cvy_status status = {0};
        struct stat entry;
        umask(masks[i]);
        const char *path = path_of("mode.safetensors");
        cvy_safetensors_write(path, some, SOME, NULL, &status);
        umask(before);
        expect_ok(&status);
        assert_int_equal(stat(path, &entry), 0);
        assert_int_equal(entry.st_mode & 0777, 0666 & ~masks[i]);
        assert_int_equal(unlink(path), 0);
    }
}

static void expect_refusal(const cvy_tensor *tensors, size_t count, const char *const *metadata, cvy_code code,
                           const char *what) {
    cvy_status status = {0};
    int entries = entries_in_directory();
    const char *path = path_of("refused.safetensors");
    assert_false(cvy_safetensors_write(path, tensors, count, metadata, &status));
    expect_error(&status, code, path, what);
    assert_int_equal(entries_in_directory(), entries);
}

TEST(arguments_that_make_no_sense) {
    cvy_tensor t = some[0];
    t.rank = 5;
    expect_refusal(&t, 1, NULL, CVY_USAGE, "dtype, rank or shape");
    t.rank = -1;
    expect_refusal(&t, 1, NULL, CVY_USAGE, "dtype, rank or shape");
    t = some[0];
    t.dtype = (cvy_dtype)3;
    expect_refusal(&t, 1, NULL, CVY_USAGE, "dtype, rank or shape");
    t = some[0];
    t.shape[0] = SIZE_MAX / 8;
    expect_refusal(&t, 1, NULL, CVY_USAGE, "dtype, rank or shape");
    t = some[0];
    t.name = "__metadata__";
    expect_refusal(&t, 1, NULL, CVY_USAGE, "reserved, or given twice");
    expect_refusal((cvy_tensor[]){some[0], some[1], some[0]}, 3, NULL, CVY_USAGE, "reserved, or given twice");
    t.name = "\xff";
    expect_refusal(&t, 1, NULL, CVY_FAILED, "not UTF-8");
    expect_refusal(some, 1, (const char *[]){"k", "\xff", NULL}, CVY_FAILED, "metadata k");
    expect_refusal(some, 1, (const char *[]){"\xff", "v", NULL}, CVY_FAILED, "metadata");
    expect_refusal(some, 1, (const char *[]){"k", "v", "k", "w", NULL}, CVY_FAILED, "metadata k");
}

/* Expects that a write over `path` fails, and that what was there stays, alone. */
static void expect_old_file(const char *path, const char *what) {
    cvy_status status = {0};
    int entries = entries_in_directory();
    assert_false(cvy_safetensors_write(path, some, SOME, NULL, &status));
    expect_error(&status, CVY_FAILED, path, what);
    assert_int_equal(entries_in_directory(), entries);
    size_t count;
    uint8_t *bytes = read_whole(path, &count);
    assert_int_equal(count, 3);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
}

/* A file that may not grow beyond N bytes, for every N that is too few: the write fails at every place where a full
 * disk could make it fail. */
TEST(full_disk) {
    cvy_status status = {0};
    size_t whole;
    const char *path = path_of("full.safetensors");
    cvy_safetensors_write(path, some, SOME, NULL, &status);
    expect_ok(&status);
    free(read_whole(path, &whole));
    write_file("full.safetensors", "old", 3);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (size_t bytes = 0; bytes < whole; bytes++) {
        limit = (struct rlimit){bytes, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        bool wrote = cvy_safetensors_write(path, some, SOME, NULL, &status);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0); /* before anything is printed to a file */
        assert_false(wrote);
        expect_error(&status, CVY_FAILED, path, "cannot write: File too large");
        size_t count;
        uint8_t *old = read_whole(path, &count);
        assert_int_equal(count, 3);
        free(old);
        status = (cvy_status){0};
    }
    limit = (struct rlimit){whole, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool wrote = cvy_safetensors_write(path, some, SOME, NULL, &status);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_true(wrote);
    assert_int_equal(unlink(path), 0);
}

TEST(directory_that_may_not_be_written) {
    cvy_status status = {0};
    assert_false(cvy_safetensors_write("/proc/self/x.safetensors", some, SOME, NULL, &status)); /* also for root */
    expect_error(&status, CVY_FAILED, "/proc/self/x.safetensors", "cannot create a file in its directory");
    status = (cvy_status){0};
    const char *path = path_of("nowhere/x.safetensors");
    assert_false(cvy_safetensors_write(path, some, SOME, NULL, &status));
    expect_error(&status, CVY_FAILED, path, "cannot open its directory: No such file or directory");
    if (geteuid() == 0)
        return;
    path = write_file("kept.safetensors", "old", 3);
    assert_int_equal(chmod(directory, 0500), 0);
    expect_old_file(path, "cannot create a file in its directory: Permission denied");
    assert_int_equal(chmod(directory, 0700), 0);
}

TEST(places_that_are_no_file) {
    static const struct {
        const char *path, *what;
    } places[] = {{"/dev/full", "is a pipe or device"}, {"/dev/null", "is a pipe or device"},
                  {"/tmp", "is a directory"},           {"/tmp/", "is a directory"},
                  {"nothing-here/", "names no file"},   {"", "names no file"}};
    for (size_t i = 0; i < COUNT(places); i++) {
        cvy_status status = {0};
        assert_false(cvy_safetensors_write(places[i].path, some, SOME, NULL, &status));
        expect_error(&status, CVY_FAILED, places[i].path, places[i].what);
    }
    struct stat entry;
    assert_int_equal(stat("/dev/null", &entry), 0);
    assert_true(S_ISCHR(entry.st_mode));
}

/* A name without a directory is in the working directory. */
TEST(working_directory) {
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(directory), 0);
    cvy_status status = {0};
    int entries = entries_in_directory();
    assert_true(cvy_safetensors_write("here.safetensors", some, SOME, NULL, &status));
    assert_true(cvy_safetensors_write("here.safetensors", some, SOME, NULL, &status));
    assert_int_equal(entries_in_directory(), entries + 1);
    assert_int_equal(access(path_of("here.safetensors"), F_OK), 0);
    assert_int_equal(chdir(before), 0);
}

TEST(does_nothing_after_an_error) {
    cvy_status status = {0};
    cvy_fail(&status, CVY_DIVERGED, "before", "this");
    const char *path = path_of("not-written.safetensors");
    assert_false(cvy_safetensors_write(path, some, SOME, NULL, &status));
    assert_int_equal(access(path, F_OK), -1);
    assert_null(cvy_safetensors_open(make_file("{}", 0), &status));
    expect_error(&status, CVY_DIVERGED, "before", "this");
}

RUN_TESTS("safetensors", make_directory, remove_directory)
