// A disk that fails, as a library to preload: reads (r), writes (w) and syncs (s), as EIO_CALLS names them, of files
// whose path holds EIO_FILE end in EIO. Reads: those that reach the byte EIO_AT. The others: from the call EIO_FROM on,
// counted from 0. Where EIO_KILL is set, the process is killed there instead. Names (n): renames, links and removals.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails_at(const char *path, char kind, off_t at, size_t n) {
  static int seen;
  const char *file = getenv("EIO_FILE"), *calls = getenv("EIO_CALLS"), *from = getenv("EIO_FROM");
  if (!file || !calls || !strchr(calls, kind) || !strstr(path, file)) return 0;
  if (kind == 'r') {
    const char *bad = getenv("EIO_AT");
    off_t byte = bad ? atoll(bad) : 0;
    if (byte < at || byte >= at + (off_t)n) return 0;
  } else if (seen++ < (from ? atoi(from) : 0)) return 0;
  if (getenv("EIO_KILL")) kill(getpid(), SIGKILL);
  errno = EIO;
  return 1;
}

static int fails(int fd, char kind, off_t at, size_t n) {
  char link[64], path[4096];
  ssize_t length;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails_at(path, kind, at, n);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t read(int fd, void *to, size_t n) {
  REAL(read);
  return fails(fd, 'r', lseek(fd, 0, SEEK_CUR), n) ? -1 : real(fd, to, n);
}
ssize_t pread(int fd, void *to, size_t n, off_t at) {
  REAL(pread);
  return fails(fd, 'r', at, n) ? -1 : real(fd, to, n, at);
}
ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
  REAL(pread64);
  return fails(fd, 'r', at, n) ? -1 : real(fd, to, n, at);
}
ssize_t write(int fd, const void *from, size_t n) {
  REAL(write);
  return fails(fd, 'w', 0, n) ? -1 : real(fd, from, n);
}
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
  REAL(pwrite);
  return fails(fd, 'w', 0, n) ? -1 : real(fd, from, n, at);
}
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) {
  REAL(pwrite64);
  return fails(fd, 'w', 0, n) ? -1 : real(fd, from, n, at);
}
int fsync(int fd) {
  REAL(fsync);
  return fails(fd, 's', 0, 0) ? -1 : real(fd);
}
int fdatasync(int fd) {
  REAL(fdatasync);
  return fails(fd, 's', 0, 0) ? -1 : real(fd);
}
int ftruncate(int fd, off_t to) {
  REAL(ftruncate);
  return fails(fd, 'w', 0, 0) ? -1 : real(fd, to);
}
int ftruncate64(int fd, off64_t to) {
  REAL(ftruncate64);
  return fails(fd, 'w', 0, 0) ? -1 : real(fd, to);
}
int unlink(const char *path) {
  REAL(unlink);
  return fails_at(path, 'n', 0, 0) ? -1 : real(path);
}
int rename(const char *from, const char *to) {
  REAL(rename);
  return fails_at(from, 'n', 0, 0) ? -1 : real(from, to);
}
int link(const char *from, const char *to) {
  REAL(link);
  return fails_at(from, 'n', 0, 0) ? -1 : real(from, to);
}
