/* Files that appear whole or not at all: where they go, whose permissions they have, and what a killed process leaves.
 */
#include "files.h"

#include "../../src/io/atomic_file.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void expect_text(const char *path, const char *text) {
    size_t count;
    uint8_t *bytes = read_whole(path, &count);
    bytes[count] = 0;
    assert_string_equal(bytes, text);
    free(bytes);
}

static bool replace(const char *path, const char *text, cvy_status *status) {
    cvy_atomic_file file;
    if (!cvy_atomic_begin(path, &file, status))
        return false;
    cvy_atomic_write(&file, text, strlen(text), status);
    return cvy_atomic_commit(&file, status);
}

static void expect_replaced(const char *path, const char *target) {
    cvy_status status = {0};
    int entries = entries_in_directory() + (access(target, F_OK) != 0);
    assert_true(cvy_atomic_check(path, &status));
    expect_ok(&status);
    assert_true(replace(path, "new", &status));
    expect_ok(&status);
    expect_text(target, "new");
    assert_int_equal(entries_in_directory(), entries);
}

static void expect_refused(const char *path, const char *what) {
    cvy_status status = {0};
    int entries = entries_in_directory();
    assert_false(cvy_atomic_check(path, &status));
    expect_error(&status, CVY_FAILED, path, what);
    assert_int_equal(entries_in_directory(), entries);
}

/* fork(); the child dies with the test. */
static pid_t start_child(void) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

/* ---- Links ------------------------------------------------------------------------------------------------------ */

static void expect_link(const char *path) {
    struct stat entry;
    assert_int_equal(lstat(path, &entry), 0);
    assert_true(S_ISLNK(entry.st_mode));
}

TEST(links_stay_and_their_target_is_written) {
    assert_int_equal(mkdir(path_of("there"), 0700), 0);
    write_file("there/old", "old", 3);
    assert_int_equal(symlink("there/old", path_of("link")), 0);
    assert_int_equal(symlink(path_of("link"), path_of("chain")), 0);
    expect_replaced(path_of("chain"), path_of("there/old"));
    expect_link(path_of("chain"));
    expect_link(path_of("link"));
    assert_int_equal(symlink("there/none", path_of("dangling")), 0);
    cvy_status status = {0};
    assert_true(replace(path_of("dangling"), "new", &status));
    expect_text(path_of("there/none"), "new");
    expect_link(path_of("dangling"));
}

TEST(links_that_lead_nowhere) {
    assert_int_equal(symlink("ring", path_of("ring")), 0);
    expect_refused(path_of("ring"), "is a symbolic link that leads to itself");
    assert_int_equal(symlink("nowhere/file", path_of("lost")), 0);
    expect_refused(path_of("lost"), "cannot open its directory: No such file or directory");
    assert_int_equal(symlink("/dev/full", path_of("device")), 0);
    expect_refused(path_of("device"), "is a pipe or device");
    /* A file that is open, but has no name any more. */
    char link[64];
    int descriptor = open(write_file("gone", "old", 3), O_RDONLY);
    assert_int_equal(unlink(path_of("gone")), 0);
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    expect_refused(link, "leads to a file that has no name any more");
    close(descriptor);
}

/* ---- Names and permissions -------------------------------------------------------------------------------------- */

TEST(kinds_and_names) {
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    cvy_status status = {0};
    assert_false(cvy_atomic_check(path_of(name), &status));
    expect_error(&status, CVY_FAILED, directory, "cannot write a file of this name: File name too long");
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    expect_refused(path_of("pipe"), "is a pipe or device");
    expect_refused(directory, "is a directory");
}

TEST(permissions_stay) {
    static const mode_t modes[] = {0600, 0644, 0664, 0755};
    for (size_t i = 0; i < COUNT(modes); i++) {
        struct stat entry;
        const char *path = write_file("mode", "old", 3);
        assert_int_equal(chmod(path, modes[i]), 0);
        expect_replaced(path, path);
        assert_int_equal(stat(path, &entry), 0);
        assert_int_equal(entry.st_mode & 0777, modes[i]);
    }
    const char *path = write_file("protected", "old", 3);
    assert_int_equal(chmod(path, 0444), 0);
    expect_refused(path, "is write-protected; it stays as it is");
    expect_text(path, "old");
    assert_int_equal(chmod(path, 0644), 0);
}

/* In a child that is another user. Returns what the check says, "" if nothing. */
static const char *check_as_nobody(const char *path) {
    static char what[sizeof((cvy_status){0}.what)];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = start_child();
    if (child == 0) {
        cvy_status status = {0};
        if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
            _exit(1);
        cvy_atomic_check(path, &status);
        if (write(ends[1], status.what, sizeof status.what) < 0)
            _exit(1);
        _exit(0);
    }
    int ended;
    assert_int_equal(read(ends[0], what, sizeof what), sizeof what);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    close(ends[0]);
    close(ends[1]);
    return what;
}

/* What may be created and written, but not replaced: a file of another in a directory like /tmp. */
TEST(sticky_directory) {
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(mkdir(path_of("sticky"), 0700), 0);
    assert_int_equal(chmod(path_of("sticky"), 01777), 0);
    const char *path = write_file("sticky/another's", "old", 3);
    assert_int_equal(chmod(path, 0666), 0);
    assert_string_equal(check_as_nobody(path), "may not be replaced: Operation not permitted");
    assert_string_equal(check_as_nobody(path_of("sticky/new")), "");
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_string_equal(check_as_nobody(path), "");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chown(path, 0, 0), 0);
    assert_string_equal(check_as_nobody(path), "cannot open for writing: Permission denied");
    /* The owner stays, too. */
    assert_int_equal(chown(path, 65534, 65534), 0);
    cvy_status status = {0};
    struct stat entry;
    assert_true(replace(path, "new", &status));
    assert_int_equal(stat(path, &entry), 0);
    assert_int_equal(entry.st_uid, 65534);
}

/* ---- Processes that are killed ----------------------------------------------------------------------------------- */

/* Starts a child that begins a file and writes to it, then waits until it is killed. */
static pid_t begin_in_child(const char *path) {
    int ends[2];
    char ready;
    assert_int_equal(pipe(ends), 0);
    pid_t child = start_child();
    if (child == 0) {
        cvy_status status = {0};
        cvy_atomic_file file;
        ready = (char)(cvy_atomic_begin(path, &file, &status) && cvy_atomic_write(&file, "half", 4, &status));
        if (write(ends[1], &ready, 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    assert_int_equal(read(ends[0], &ready, 1), 1);
    assert_true(ready);
    close(ends[0]);
    close(ends[1]);
    return child;
}

static void kill_child(pid_t child) {
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

TEST(the_next_file_removes_what_killed_processes_left) {
    const char *path = write_file("killed", "old", 3);
    int entries = entries_in_directory();
    pid_t living = begin_in_child(path), first = begin_in_child(path), second = begin_in_child(path);
    assert_int_equal(entries_in_directory(), entries + 3);
    kill_child(first);
    expect_text(path, "old");
    assert_int_equal(entries_in_directory(), entries + 3);

    cvy_status status = {0};
    assert_true(replace(path, "new", &status));
    assert_int_equal(entries_in_directory(), entries + 2);
    expect_text(path_of(".convoy-0.tmp"), "half");
    kill_child(living);
    kill_child(second);
    assert_true(cvy_atomic_check(path, &status));
    expect_text(path, "new");
    assert_int_equal(entries_in_directory(), entries);
}

/* A child that replaces the file as fast as it can is killed at moments that differ. */
TEST(killed_at_any_moment) {
    enum { KILLS = 100, LENGTH = 1 << 16 };
    static char text[LENGTH + 1];
    cvy_status status = {0};
    const char *path = path_of("storm");
    memset(text, 'x', LENGTH);
    assert_true(replace(path, text, &status));
    int entries = entries_in_directory();
    for (int i = 0; i < KILLS; i++) {
        pid_t child = start_child();
        if (child == 0) {
            memset(text, 'a' + i % 26, LENGTH);
            while (replace(path, text, &status)) {
            }
            _exit(1);
        }
        usleep((unsigned)(i * 7919) % 5000);
        kill_child(child);
        size_t count;
        uint8_t *bytes = read_whole(path, &count);
        assert_int_equal(count, LENGTH);
        for (size_t b = 1; b < count; b++)
            if (bytes[b] != bytes[0])
                fail_msg("byte %zu is %c, the first is %c", b, bytes[b], bytes[0]);
        free(bytes);
        assert_true(entries_in_directory() <= entries + 1);
    }
    assert_true(replace(path, text, &status));
    assert_int_equal(entries_in_directory(), entries);
}

/* Two processes replace the same file: neither takes the other's temporary file away. */
TEST(two_at_once) {
    cvy_status status = {0};
    const char *path = path_of("both");
    assert_true(replace(path, "0", &status));
    int entries = entries_in_directory();
    pid_t child = start_child();
    for (int i = 0; i < 500; i++)
        if (!replace(path, child ? "parent" : "child", &status))
            break;
    if (child == 0)
        _exit(status.code);
    int ended;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    expect_ok(&status);
    assert_int_equal(entries_in_directory(), entries);
}

RUN_TESTS("atomic_file", make_directory, remove_directory)
