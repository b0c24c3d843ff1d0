/*
 * Records what a process does to the files of one folder, so that a power cut at any moment can be replayed.
 *
 * Loaded by LD_PRELOAD. HUISU_RECORD_FOLDER names the folder, HUISU_RECORD_LOG the log. Writes, truncations, removals and
 * renames are made and logged under one lock, so the log has their order; a sync is logged when it begins and when it has
 * ended, without the lock, so that what other threads write meanwhile is not taken to be covered by it.
 *
 * A record: type (1 byte), file (4), offset (8), length (4), bytes. All little-endian; `file` is an id given by an 'O' record.
 *   O first opening (offset = size then, bytes = name within the folder)  H what it held at that time
 *   W write  T truncate (offset = new size)  U unlink  R rename (bytes = new name)
 *   B a sync begins (offset = its id)  E it has ended
 * Shared memory (-shm) is left out: SQLite builds it anew after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FD 4096
#define MAX_FILES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char folder[PATH_MAX];
static size_t folder_length;
/* libuv closes by a bare system call, so a number may name another file by now: it is checked against device and inode. */
static struct { int id; /* + 1; 0: not ours */ dev_t device; ino_t inode; } file_of_fd[MAX_FD];
static char *names[MAX_FILES];
static int file_count;
static uint64_t sync_count;

static void die(const char *why) {
  syscall(SYS_write, 2, why, strlen(why));
  syscall(SYS_write, 2, "\n", 1);
  _exit(97);
}

static void emit(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    long done = syscall(SYS_write, log_fd, at, length);
    if (done < 0) {
      if (errno == EINTR) continue;
      die("power-cut recorder: cannot write its log");
    }
    at += done;
    length -= (size_t)done;
  }
}

static void record(char type, uint32_t file, uint64_t offset, const void *bytes, uint32_t length) {
  unsigned char head[17];
  head[0] = (unsigned char)type;
  memcpy(head + 1, &file, 4);
  memcpy(head + 5, &offset, 8);
  memcpy(head + 13, &length, 4);
  struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
  long want = (long)(sizeof head + length);
  long done = syscall(SYS_writev, log_fd, parts, length > 0 ? 2 : 1);
  if (done == want) return;
  if (done < 0) done = 0;
  if (done < (long)sizeof head) {
    emit(head + done, sizeof head - (size_t)done);
    done = sizeof head;
  }
  emit((const char *)bytes + (done - (long)sizeof head), (size_t)(want - done));
}

__attribute__((constructor)) static void begin(void) {
  const char *where = getenv("HUISU_RECORD_FOLDER");
  const char *log = getenv("HUISU_RECORD_LOG");
  if (where == NULL || log == NULL) return;
  if (realpath(where, folder) == NULL) die("power-cut recorder: no such folder");
  strcat(folder, "/");
  folder_length = strlen(folder);
  log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) die("power-cut recorder: cannot open its log");
  unsetenv("LD_PRELOAD"); /* children are not recorded */
}

/* Name within the folder, or NULL for a file that is not ours. */
static const char *ours(const char *path) {
  static __thread char full[PATH_MAX];
  if (log_fd < 0 || path == NULL) return NULL;
  if (path[0] == '/') {
    strncpy(full, path, sizeof full - 1);
  } else {
    if (getcwd(full, sizeof full) == NULL) return NULL;
    strncat(full, "/", sizeof full - strlen(full) - 1);
    strncat(full, path, sizeof full - strlen(full) - 1);
  }
  if (strncmp(full, folder, folder_length) != 0) return NULL;
  size_t length = strlen(full);
  if (length >= 4 && strcmp(full + length - 4, "-shm") == 0) return NULL;
  return full + folder_length;
}

static int id_of(const char *name) {
  for (int id = 0; id < file_count; id++)
    if (names[id] != NULL && strcmp(names[id], name) == 0) return id;
  return -1;
}

/* Called under the lock, after a successful open. */
static void opened(int fd, const char *name) {
  struct stat state;
  if (fd < 0 || fd >= MAX_FD || fstat(fd, &state) != 0 || !S_ISREG(state.st_mode)) return;
  int id = id_of(name);
  if (id < 0) {
    if (file_count == MAX_FILES) die("power-cut recorder: too many files");
    id = file_count++;
    names[id] = strdup(name);
    record('O', (uint32_t)id, (uint64_t)state.st_size, name, (uint32_t)strlen(name));
    char path[PATH_MAX];
    strcpy(path, folder);
    strcat(path, name);
    int reader = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    static char held[1 << 20];
    uint64_t at = 0;
    for (;;) {
      long got = reader < 0 ? 0 : syscall(SYS_read, reader, held, sizeof held);
      if (got <= 0) break;
      record('H', (uint32_t)id, at, held, (uint32_t)got);
      at += (uint64_t)got;
    }
    if (reader >= 0) syscall(SYS_close, reader);
  }
  file_of_fd[fd].id = id + 1;
  file_of_fd[fd].device = state.st_dev;
  file_of_fd[fd].inode = state.st_ino;
}

static int do_open(int directory, const char *path, int flags, mode_t mode) {
  const char *name = directory == AT_FDCWD ? ours(path) : NULL;
  if (name == NULL || (flags & O_DIRECTORY) != 0)
    return (int)syscall(SYS_openat, directory, path, flags, mode);
  pthread_mutex_lock(&lock);
  int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
  int saved = errno;
  if (fd >= 0) {
    int known = id_of(name);
    opened(fd, name);
    if ((flags & O_TRUNC) != 0 && known >= 0) record('T', (uint32_t)known, 0, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return fd;
}

#define MODE_OF(flags)                            \
  mode_t mode = 0;                                \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {   \
    va_list arguments;                            \
    va_start(arguments, flags);                   \
    mode = (mode_t)va_arg(arguments, int);        \
    va_end(arguments);                            \
  }

int open(const char *path, int flags, ...) { MODE_OF(flags) return do_open(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return do_open(AT_FDCWD, path, flags, mode); }
int openat(int directory, const char *path, int flags, ...) {
  MODE_OF(flags)
  return do_open(directory, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < MAX_FD && file_of_fd[fd].id != 0) {
    pthread_mutex_lock(&lock);
    file_of_fd[fd].id = 0;
    int result = (int)syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
    return result;
  }
  return (int)syscall(SYS_close, fd);
}

static int file_at(int fd) {
  struct stat state;
  if (fd < 0 || fd >= MAX_FD || file_of_fd[fd].id == 0 || fstat(fd, &state) != 0) return -1;
  if (state.st_dev != file_of_fd[fd].device || state.st_ino != file_of_fd[fd].inode) return -1;
  return file_of_fd[fd].id - 1;
}

static ssize_t written(int fd, const void *bytes, size_t length, int64_t offset) {
  int id = file_at(fd);
  if (id < 0)
    return offset < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
  pthread_mutex_lock(&lock);
  int64_t at = offset;
  if (offset < 0) {
    int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
    at = syscall(SYS_lseek, fd, 0, (flags & O_APPEND) != 0 ? SEEK_END : SEEK_CUR);
  }
  ssize_t done = offset < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
  int saved = errno;
  if (done > 0) record('W', (uint32_t)id, (uint64_t)at, bytes, (uint32_t)done);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return written(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return written(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return written(fd, bytes, length, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (file_at(fd) < 0) return syscall(SYS_writev, fd, parts, count);
  ssize_t total = 0;
  for (int part = 0; part < count; part++) {
    ssize_t done = written(fd, parts[part].iov_base, parts[part].iov_len, -1);
    if (done < 0) return total > 0 ? total : done;
    total += done;
    if ((size_t)done < parts[part].iov_len) break;
  }
  return total;
}

static int truncated(int fd, off64_t size) {
  int id = file_at(fd);
  if (id < 0) return (int)syscall(SYS_ftruncate, fd, size);
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_ftruncate, fd, size);
  int saved = errno;
  if (result == 0) record('T', (uint32_t)id, (uint64_t)size, NULL, 0);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

int ftruncate(int fd, off_t size) { return truncated(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, size); }

static int synced(int fd, long call) {
  int id = file_at(fd);
  if (id < 0) return (int)syscall(call, fd);
  pthread_mutex_lock(&lock);
  uint64_t turn = sync_count++;
  record('B', (uint32_t)id, turn, NULL, 0);
  pthread_mutex_unlock(&lock);
  int result = (int)syscall(call, fd);
  int saved = errno;
  if (result == 0) {
    pthread_mutex_lock(&lock);
    record('E', (uint32_t)id, turn, NULL, 0);
    pthread_mutex_unlock(&lock);
  }
  errno = saved;
  return result;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int unlinked(const char *path, const char *name) {
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  int saved = errno;
  int id = id_of(name);
  if (result == 0 && id >= 0) {
    record('U', (uint32_t)id, 0, NULL, 0);
    free(names[id]);
    names[id] = NULL; /* the same name again is another file */
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

int unlink(const char *path) {
  const char *name = ours(path);
  return name == NULL ? (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0) : unlinked(path, name);
}

int unlinkat(int directory, const char *path, int flags) {
  const char *name = directory == AT_FDCWD && (flags & AT_REMOVEDIR) == 0 ? ours(path) : NULL;
  return name == NULL ? (int)syscall(SYS_unlinkat, directory, path, flags) : unlinked(path, name);
}

int remove(const char *path) {
  const char *name = ours(path);
  int result = name == NULL ? (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0) : unlinked(path, name);
  return result != 0 && errno == EISDIR ? (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) : result;
}

int rename(const char *from, const char *to) {
  char before[PATH_MAX];
  const char *name = ours(from);
  if (name == NULL) return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
  strcpy(before, name);
  const char *after = ours(to);
  if (after == NULL) die("power-cut recorder: a file was moved out of the folder");
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
  int saved = errno;
  int id = id_of(before);
  if (result == 0 && id >= 0) {
    int gone = id_of(after);
    if (gone >= 0) {
      free(names[gone]);
      names[gone] = NULL;
    }
    free(names[id]);
    names[id] = strdup(after);
    record('R', (uint32_t)id, 0, after, (uint32_t)strlen(after));
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}
