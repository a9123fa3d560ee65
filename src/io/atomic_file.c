#include "atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* ---- The target ------------------------------------------------------------------------------------------------- */

bool cvy_atomic_target(const char *path, char target[static PATH_MAX], cvy_status *status) {
    enum { LINKS_MAX = 40 }; /* as many as Linux follows */
    char link[PATH_MAX];
    ssize_t length;
    if (snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX)
        return cvy_fail(status, CVY_FAILED, path, "the path is too long");
    for (int links = 0; (length = readlink(target, link, sizeof link)) >= 0; links++) {
        const char *slash = strrchr(target, '/');
        size_t directory = slash && link[0] != '/' ? (size_t)(slash + 1 - target) : 0;
        if (links == LINKS_MAX)
            return cvy_fail(status, CVY_FAILED, path, "is a symbolic link that leads to itself");
        if (directory + (size_t)length >= PATH_MAX)
            return cvy_fail(status, CVY_FAILED, path, "is a symbolic link to a path that is too long");
        memcpy(target + directory, link, (size_t)length);
        target[directory + (size_t)length] = 0;
    }
    return true;
}

/* Opens the directory that the target is in, and splits off the name. */
static bool open_directory(cvy_atomic_file *file, cvy_status *status) {
    char *slash = strrchr(file->target, '/');
    file->name = slash ? slash + 1 : file->target;
    if (!*file->name)
        return cvy_fail(status, CVY_FAILED, file->path, "names no file to write");
    if (slash > file->target)
        *slash = 0;
    file->directory = open(slash == file->target ? "/"
                           : slash               ? file->target
                                                 : ".",
                           O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->directory >= 0 || cvy_fail_errno(status, file->path, "cannot open its directory");
}

/* Anything but a regular file stays: a device or pipe cannot appear whole or not at all, and a rename would replace it,
 * for root even /dev/null. */
static bool check_kind(const char *path, mode_t mode, cvy_status *status) {
    if (S_ISDIR(mode))
        return cvy_fail(status, CVY_FAILED, path, "is a directory, cannot write a file there");
    return S_ISREG(mode) ||
           cvy_fail(status, CVY_FAILED, path, "is a pipe or device, expected a regular file or a new name");
}

/* Whether the file that is there may be written and its name may be given to another file. Another process may take it
 * away meanwhile. */
static bool check_old(const cvy_atomic_file *file, mode_t mode, cvy_status *status) {
    if (!(mode & 0222))
        return cvy_fail(status, CVY_FAILED, file->path, "is write-protected; it stays as it is");
    int descriptor = openat(file->directory, file->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0 && errno != ENOENT)
        return cvy_fail_errno(status, file->path, "cannot open for writing");
    if (descriptor >= 0)
        close(descriptor);
    /* Asks Linux to remove a directory of this name. It first checks whether the caller may take the entry away (not in
     * a sticky directory that belongs to others, as the file does), then it finds that the file is no directory. */
    if (unlinkat(file->directory, file->name, AT_REMOVEDIR) < 0 && errno != ENOTDIR && errno != ENOENT)
        return cvy_fail_errno(status, file->path, "may not be replaced");
    return true;
}

/* Finds out what is at the target, and whether it may be written. A mode of 0 says that there is nothing. */
static bool look_at_old(const cvy_atomic_file *file, struct stat *old, cvy_status *status) {
    struct stat followed;
    if (!fstatat(file->directory, file->name, old, AT_SYMLINK_NOFOLLOW))
        return check_old(file, old->st_mode, status);
    if (errno != ENOENT)
        return cvy_fail_errno(status, file->path, "cannot write a file of this name");
    /* Links in /proc/self/fd may lead to a file whose name is gone. */
    if (!stat(file->path, &followed))
        return cvy_fail(status, CVY_FAILED, file->path, "leads to a file that has no name any more");
    old->st_mode = 0;
    return true;
}

/* ---- The temporary file ------------------------------------------------------------------------------------------ */

/* Removes the temporary file of a process that is gone: nobody holds its lock. */
static bool remove_abandoned(int directory, const char *name) {
    struct stat opened, named;
    int descriptor = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool removed = !flock(descriptor, LOCK_EX | LOCK_NB) && !fstat(descriptor, &opened) &&
                   !fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) && same_file(&opened, &named) &&
                   S_ISREG(named.st_mode) && !unlinkat(directory, name, 0);
    close(descriptor);
    return removed;
}

/* Creates the temporary file and locks it. Another process may take it for abandoned before it is locked: then that
 * process holds the lock, or has removed the name. A file system without locks abandons nothing. */
static bool create_locked(cvy_atomic_file *file) {
    struct stat entry;
    file->descriptor =
        openat(file->directory, file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file->descriptor < 0)
        return false;
    bool taken = flock(file->descriptor, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (!taken && !fstat(file->descriptor, &entry)) {
        if (entry.st_nlink)
            return true;
        taken = true;
    }
    int error = taken ? EEXIST : errno;
    if (!taken)
        unlinkat(file->directory, file->temporary, 0);
    close(file->descriptor);
    file->descriptor = -1;
    errno = error;
    return false;
}

static const char *temporary_name(unsigned number, char name[static CVY_TEMPORARY_MAX]) {
    snprintf(name, CVY_TEMPORARY_MAX, ".convoy-%u.tmp", number);
    return name;
}

/* Removes what killed processes left under the names from that number on, of as many as may run at a time. */
static void remove_rest(const cvy_atomic_file *file, unsigned number) {
    enum { AT_A_TIME = 16 };
    struct stat entry;
    char name[CVY_TEMPORARY_MAX];
    for (; number < AT_A_TIME; number++)
        if (!fstatat(file->directory, temporary_name(number, name), &entry, AT_SYMLINK_NOFOLLOW))
            remove_abandoned(file->directory, name);
}

/* Uses open() because it applies the umask. After mkstemp() a program would have to read the umask, which it cannot
 * without changing it for its other threads. The names are the same for all processes, so that they find what a killed
 * one left. */
static bool create_temporary(cvy_atomic_file *file, cvy_status *status) {
    unsigned number = 0;
    for (int attempt = 0; attempt < 1000; attempt++) {
        temporary_name(number, file->temporary);
        if (create_locked(file)) {
            remove_rest(file, number + 1);
            return true;
        }
        if (errno != EEXIST)
            break;
        if (!remove_abandoned(file->directory, file->temporary))
            number++;
    }
    return cvy_fail_errno(status, file->path, "cannot create a file in its directory");
}

/* Gives the new file the old one's permissions, and its owner if that is allowed. */
static bool keep_permissions(const cvy_atomic_file *file, const struct stat *old, cvy_status *status) {
    struct stat new;
    if (fstat(file->descriptor, &new) < 0)
        return cvy_fail_errno(status, file->path, "cannot stat");
    bool owned =
        (new.st_uid == old->st_uid &&new.st_gid == old->st_gid) || !fchown(file->descriptor, old->st_uid, old->st_gid);
    /* What the old file's group may do is not for another group. */
    mode_t mode = old->st_mode & (owned ? 0777 : 0707);
    return (new.st_mode & 0777) == mode || !fchmod(file->descriptor, mode) ||
           cvy_fail_errno(status, file->path, "cannot keep the old file's permissions");
}

/* ---- The file --------------------------------------------------------------------------------------------------- */

bool cvy_atomic_begin(const char *path, cvy_atomic_file *file, cvy_status *status) {
    *file = (cvy_atomic_file){.path = path, .directory = -1, .descriptor = -1};
    struct stat old;
    if (!cvy_ok(status) || (!stat(path, &old) && !check_kind(path, old.st_mode, status)) ||
        !cvy_atomic_target(path, file->target, status))
        return false;
    if (open_directory(file, status) && look_at_old(file, &old, status) && create_temporary(file, status) &&
        (!old.st_mode || keep_permissions(file, &old, status)))
        return true;
    cvy_atomic_abandon(file);
    return false;
}

bool cvy_atomic_write(cvy_atomic_file *file, const void *bytes, size_t count, cvy_status *status) {
    if (!cvy_ok(status))
        return false;
    for (size_t done = 0; done < count;) {
        ssize_t written = write(file->descriptor, (const char *)bytes + done, count - done);
        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR)
            return cvy_fail_errno(status, file->path, "cannot write");
    }
    return true;
}

void cvy_atomic_abandon(cvy_atomic_file *file) {
    if (file->descriptor >= 0) {
        unlinkat(file->directory, file->temporary, 0);
        close(file->descriptor);
    }
    if (file->directory >= 0)
        close(file->directory);
    file->directory = file->descriptor = -1;
}

/* The file stays open, and so locked, until it has its name. close() cannot fail to write what fsync() has written. */
bool cvy_atomic_commit(cvy_atomic_file *file, cvy_status *status) {
    if (cvy_ok(status) && fsync(file->descriptor) < 0)
        cvy_fail_errno(status, file->path, "cannot sync");
    if (cvy_ok(status) && renameat(file->directory, file->temporary, file->directory, file->name) < 0)
        cvy_fail_errno(status, file->path, "cannot rename the finished file to this name");
    if (!cvy_ok(status)) {
        cvy_atomic_abandon(file);
        return false;
    }
    if (fsync(file->directory) < 0 && errno != EINVAL) /* EINVAL: this file system cannot sync directories */
        cvy_fail_errno(status, file->path, "cannot sync its directory");
    close(file->descriptor);
    close(file->directory);
    file->directory = file->descriptor = -1;
    return cvy_ok(status);
}

bool cvy_atomic_check(const char *path, cvy_status *status) {
    cvy_atomic_file file;
    if (!cvy_atomic_begin(path, &file, status))
        return false;
    cvy_atomic_abandon(&file);
    return true;
}
