#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool cvy_file_open(const char *path, cvy_file *file, cvy_status *status) {
    if (!cvy_ok(status))
        return false;
    /* Without O_NONBLOCK opening a pipe waits for a writer. */
    *file = (cvy_file){.path = path, .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file->descriptor < 0)
        return cvy_fail_errno(status, path, "cannot open");
    struct stat entry;
    if (fstat(file->descriptor, &entry) < 0)
        cvy_fail_errno(status, path, "cannot stat");
    else if (S_ISDIR(entry.st_mode))
        cvy_fail(status, CVY_FAILED, path, "is a directory, expected a file");
    else if (!S_ISREG(entry.st_mode))
        cvy_fail(status, CVY_FAILED, path, "is a pipe or device, expected a regular file");
    else {
        file->length = (size_t)entry.st_size;
        return true;
    }
    cvy_file_close(file);
    return false;
}

bool cvy_file_read(const cvy_file *file, size_t offset, void *bytes, size_t count, cvy_status *status) {
    if (!cvy_ok(status))
        return false;
    for (size_t done = 0; done < count;) {
        ssize_t got = pread(file->descriptor, (char *)bytes + done, count - done, (off_t)(offset + done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            return cvy_fail(status, CVY_FAILED, file->path, "ends at byte %zu, but had %zu bytes when it was opened",
                            offset + done, file->length);
        else if (errno != EINTR)
            return cvy_fail_errno(status, file->path, "cannot read");
    }
    return true;
}

void cvy_file_close(cvy_file *file) {
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}

char *cvy_file_read_text(const char *path, size_t most, const char *expected, size_t *length, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    FILE *file = fopen(path, "rb");
    if (!file) {
        cvy_fail_errno(status, path, "cannot open");
        return NULL;
    }
    char *text = malloc(most + 2);
    if (!text)
        cvy_fail_memory(status, path, most + 2);
    else if ((*length = fread(text, 1, most + 1, file)) > most)
        cvy_fail(status, CVY_FAILED, path, "more than %zu bytes, no %s", most, expected);
    else if (ferror(file))
        cvy_fail_errno(status, path, "cannot read");
    fclose(file);
    if (cvy_ok(status)) {
        text[*length] = 0;
        return text;
    }
    free(text);
    return NULL;
}
