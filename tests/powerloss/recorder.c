/*
 * Records what has reached the disk, for files below one folder: preloaded into every process of
 * a platform under test. losing.py reads the journal and rebuilds the folder as a power loss
 * would leave it.
 *
 * POWERLOSS_ROOT     the folder, an absolute path without links
 * POWERLOSS_JOURNAL  a file, one line a record, appended to by all processes:
 *                      F <inode> <size>            a file was synced with at least that size
 *                      T <inode> <size>            a file was cut to that size
 *                      D <inode> <number>          a folder was synced; as many lines follow:
 *                      <inode> <name>
 * POWERLOSS_SHADOW   a folder of the same file system, where each file that loses a name is kept
 *                    under its inode, so that the name can come back, and no inode is used twice
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) abort();
    return found;
}

/* Absolute, as the kernel would see it, but for links, of which the folder has none. */
static int absolute(int folder, const char *path, char *out) {
    char base[PATH_MAX] = "";
    if (path == NULL) return -1;
    if (path[0] != '/') {
        if (folder == AT_FDCWD) {
            if (getcwd(base, sizeof base) == NULL) return -1;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t length = readlink(link, base, sizeof base - 1);
            if (length < 0) return -1;
            base[length] = '\0';
        }
    }
    int length = path[0] == '/' ? snprintf(out, PATH_MAX, "%s", path)
                                : snprintf(out, PATH_MAX, "%s/%s", base, path);
    return length < PATH_MAX ? 0 : -1;
}

static int inside(const char *path) {
    const char *root = getenv("POWERLOSS_ROOT");
    if (root == NULL) return 0;
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int inside_descriptor(int descriptor) {
    char path[PATH_MAX], link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    return inside(path);
}

/* One write: lines of several processes do not mix. What cannot be recorded must not go on. */
static void record(const char *text, size_t length) {
    int kept = errno;
    const char *path = getenv("POWERLOSS_JOURNAL");
    int journal = path ? REAL(open64)(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (journal < 0 || write(journal, text, length) != (ssize_t)length) abort();
    close(journal);
    errno = kept;
}

static void record_size(char kind, ino_t inode, off_t size) {
    char line[80];
    int length = snprintf(line, sizeof line, "%c %lu %lld\n", kind, (unsigned long)inode,
                          (long long)size);
    record(line, (size_t)length);
}

/* The entries of a folder as one record's text. To be freed. */
static char *entries(int descriptor, ino_t inode, size_t *length) {
    char *names = NULL, *text = NULL;
    size_t size = 0;
    unsigned long number = 0;
    int again = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    FILE *out = folder ? open_memstream(&names, &size) : NULL;
    if (out == NULL) abort();
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        fprintf(out, "%lu %s\n", (unsigned long)entry->d_ino, entry->d_name);
        number++;
    }
    fclose(out);
    closedir(folder);
    int total = asprintf(&text, "D %lu %lu\n%s", (unsigned long)inode, number, names);
    if (total < 0) abort();
    free(names);
    *length = (size_t)total;
    return text;
}

/* What there was before the call is on the disk after it; what came meanwhile may not be. */
static int synced(int descriptor, int (*sync)(int)) {
    struct stat64 about;
    if (fstat64(descriptor, &about) != 0 || !inside_descriptor(descriptor))
        return sync(descriptor);
    if (S_ISDIR(about.st_mode)) {
        size_t length = 0;
        char *text = entries(descriptor, about.st_ino, &length);
        int status = sync(descriptor);
        if (status == 0) record(text, length);
        free(text);
        return status;
    }
    int status = sync(descriptor);
    if (status == 0 && S_ISREG(about.st_mode)) record_size('F', about.st_ino, about.st_size);
    return status;
}

int fsync(int descriptor) { return synced(descriptor, REAL(fsync)); }
int fdatasync(int descriptor) { return synced(descriptor, REAL(fdatasync)); }

/* A name is about to be lost: the file stays reachable below the shadow folder. */
static void keep(int folder, const char *path) {
    char full[PATH_MAX], shadow[PATH_MAX + 32];
    struct stat64 about;
    int kept = errno;
    const char *where = getenv("POWERLOSS_SHADOW");
    if (where != NULL && absolute(folder, path, full) == 0 && inside(full) &&
        lstat64(full, &about) == 0 && S_ISREG(about.st_mode)) {
        snprintf(shadow, sizeof shadow, "%s/%lu", where, (unsigned long)about.st_ino);
        if (link(full, shadow) != 0 && errno != EEXIST && errno != ENOENT) abort();
    }
    errno = kept;
}

int unlink(const char *path) { keep(AT_FDCWD, path); return REAL(unlink)(path); }
int remove(const char *path) { keep(AT_FDCWD, path); return REAL(remove)(path); }

int unlinkat(int folder, const char *path, int flags) {
    if (!(flags & AT_REMOVEDIR)) keep(folder, path);
    return REAL(unlinkat)(folder, path, flags);
}

int rename(const char *old, const char *new) {
    keep(AT_FDCWD, new);
    return REAL(rename)(old, new);
}

int renameat(int old_folder, const char *old, int new_folder, const char *new) {
    keep(new_folder, new);
    return REAL(renameat)(old_folder, old, new_folder, new);
}

int renameat2(int old_folder, const char *old, int new_folder, const char *new, unsigned flags) {
    keep(new_folder, new);
    return REAL(renameat2)(old_folder, old, new_folder, new, flags);
}

/* A file that is cut has lost what it had, whether or not the cut itself is on the disk. */
static void cut_path(int folder, const char *path, off_t size) {
    char full[PATH_MAX];
    struct stat64 about;
    int kept = errno;
    if (absolute(folder, path, full) == 0 && inside(full) && stat64(full, &about) == 0 &&
        S_ISREG(about.st_mode) && about.st_size > size)
        record_size('T', about.st_ino, size);
    errno = kept;
}

static void cut_descriptor(int descriptor, off_t size) {
    struct stat64 about;
    if (fstat64(descriptor, &about) == 0 && about.st_size > size && inside_descriptor(descriptor))
        record_size('T', about.st_ino, size);
}

int truncate(const char *path, off_t size) {
    cut_path(AT_FDCWD, path, size);
    return REAL(truncate)(path, size);
}

int truncate64(const char *path, off64_t size) {
    cut_path(AT_FDCWD, path, size);
    return REAL(truncate64)(path, size);
}

int ftruncate(int descriptor, off_t size) {
    cut_descriptor(descriptor, size);
    return REAL(ftruncate)(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
    cut_descriptor(descriptor, size);
    return REAL(ftruncate64)(descriptor, size);
}

#define MODE                                       \
    mode_t mode = 0;                               \
    if (flags & (O_CREAT | __O_TMPFILE)) {         \
        va_list more;                              \
        va_start(more, flags);                     \
        mode = va_arg(more, mode_t);               \
        va_end(more);                              \
    }

int open(const char *path, int flags, ...) {
    MODE
    if (flags & O_TRUNC) cut_path(AT_FDCWD, path, 0);
    return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE
    if (flags & O_TRUNC) cut_path(AT_FDCWD, path, 0);
    return REAL(open64)(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    MODE
    if (flags & O_TRUNC) cut_path(folder, path, 0);
    return REAL(openat)(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    MODE
    if (flags & O_TRUNC) cut_path(folder, path, 0);
    return REAL(openat64)(folder, path, flags, mode);
}

int creat(const char *path, mode_t mode) {
    cut_path(AT_FDCWD, path, 0);
    return REAL(creat)(path, mode);
}

FILE *fopen(const char *path, const char *mode) {
    if (mode[0] == 'w') cut_path(AT_FDCWD, path, 0);
    return REAL(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    if (mode[0] == 'w') cut_path(AT_FDCWD, path, 0);
    return REAL(fopen64)(path, mode);
}
