/* Kills the process that loads it (LD_PRELOAD) at one of its changes to a database file of SQLite, so
 * that a test can try every one of them. A change is a write, a truncation or a removal of the file
 * or of one beside it: journal, write-ahead log, its index.
 *
 * KILLER_FILE   the file's whole path
 * KILLER_AT     the change, from 1; 0 for none
 * KILLER_TORN   1 to let the first half of a write happen, 0 for nothing of it
 * KILLER_COUNT  where the number of changes is written when the process ends by itself
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static const char *file;
static long at, count;
static int torn;

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    const char *number = getenv("KILLER_AT"), *half = getenv("KILLER_TORN");
    file = getenv("KILLER_FILE");
    at = number ? atol(number) : 0;
    torn = half && *half == '1';
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("KILLER_COUNT");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (out) {
        fprintf(out, "%ld", count);
        fclose(out);
    }
}

static int is_ours(const char *path) { return file && strncmp(path, file, strlen(file)) == 0; }

static int is_open_on_ours(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_ours(path);
}

static int is_last(void) { return __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == at; }

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

ssize_t write(int fd, const void *bytes, size_t length) {
    ssize_t (*call)(int, const void *, size_t) = real("write");
    if (is_open_on_ours(fd) && is_last()) {
        if (torn) call(fd, bytes, length / 2);
        die();
    }
    return call(fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t place) {
    ssize_t (*call)(int, const void *, size_t, off64_t) = real("pwrite64");
    if (is_open_on_ours(fd) && is_last()) {
        if (torn) call(fd, bytes, length / 2, place);
        die();
    }
    return call(fd, bytes, length, place);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t place) {
    return pwrite64(fd, bytes, length, place);
}

int ftruncate64(int fd, off64_t length) {
    int (*call)(int, off64_t) = real("ftruncate64");
    if (is_open_on_ours(fd) && is_last()) die();
    return call(fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
    int (*call)(const char *) = real("unlink");
    if (is_ours(path) && is_last()) die();
    return call(path);
}
