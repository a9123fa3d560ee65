#include "atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A rename would replace a device or pipe by a file: for root even /dev/null. */
static bool check_target(const char *path, cvy_status *status) {
    struct stat entry;
    if (stat(path, &entry) < 0)
        return true;
    if (S_ISDIR(entry.st_mode))
        return cvy_fail(status, CVY_FAILED, path, "is a directory, cannot write a file there");
    if (!S_ISREG(entry.st_mode))
        return cvy_fail(status, CVY_FAILED, path, "is a pipe or device, cannot replace it with a file");
    return true;
}

/* Opens the directory that `path` is in, and splits off the name. */
static bool open_directory(cvy_atomic_file *file, cvy_status *status) {
    const char *slash = strrchr(file->path, '/');
    char directory[PATH_MAX] = ".";
    file->name = slash ? slash + 1 : file->path;
    if (!*file->name)
        return cvy_fail(status, CVY_FAILED, file->path, "names no file to write");
    if (slash) {
        size_t length = slash == file->path ? 1 : (size_t)(slash - file->path);
        if (length >= sizeof directory)
            return cvy_fail(status, CVY_FAILED, file->path, "the path is too long");
        memcpy(directory, file->path, length);
        directory[length] = 0;
    }
    file->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->directory >= 0 || cvy_fail_errno(status, file->path, "cannot open its directory");
}

/* Uses open() because it applies the umask. After mkstemp() a program would have to read the umask, which it cannot
 * without changing it for its other threads. A name may be taken by a killed process of the same number or by another
 * thread. */
static bool create_temporary(cvy_atomic_file *file, cvy_status *status) {
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        snprintf(file->temporary, sizeof file->temporary, ".convoy-%ld-%u.tmp", (long)getpid(), attempt);
        file->descriptor =
            openat(file->directory, file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (file->descriptor >= 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    return cvy_fail_errno(status, file->path, "cannot create a file in its directory");
}

bool cvy_atomic_begin(const char *path, cvy_atomic_file *file, cvy_status *status) {
    *file = (cvy_atomic_file){.path = path, .directory = -1, .descriptor = -1};
    if (cvy_ok(status) && check_target(path, status) && open_directory(file, status) && create_temporary(file, status))
        return true;
    if (file->directory >= 0)
        close(file->directory);
    file->directory = -1;
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

bool cvy_atomic_commit(cvy_atomic_file *file, cvy_status *status) {
    if (cvy_ok(status) && fsync(file->descriptor) < 0)
        cvy_fail_errno(status, file->path, "cannot sync");
    if (close(file->descriptor) < 0 && errno != EINTR)
        cvy_fail_errno(status, file->path, "cannot close");
    if (cvy_ok(status) && renameat(file->directory, file->temporary, file->directory, file->name) < 0)
        cvy_fail_errno(status, file->path, "cannot rename the finished file to this name");
    if (!cvy_ok(status))
        unlinkat(file->directory, file->temporary, 0);
    else if (fsync(file->directory) < 0 && errno != EINVAL) /* EINVAL: this file system cannot sync directories */
        cvy_fail_errno(status, file->path, "cannot sync its directory");
    close(file->directory);
    file->directory = file->descriptor = -1;
    return cvy_ok(status);
}
