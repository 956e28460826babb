/* A disk that fails on command, and that remembers what was written to it.
 *
 * Loaded in front of the C library with LD_PRELOAD, it sees every call with which the program changes, reads or syncs a
 * file below one folder. It counts them, over all threads, and does one of three things: it lets them pass, it fails or
 * breaks off the N-th, or it writes all of them into a log from which the disk can be rebuilt as it was at any moment.
 * One lock is held during a call, so that the order of the log is the order of the calls.
 *
 *   DISK_FOLDER  the folder, absolute and without links
 *   DISK_LOG     file that gets the log; see disk_log.py
 *   DISK_FAULT   WHAT@CALLS:N or WHAT@CALLS:N+ (the N-th and every later one). CALLS is some of the letters o(pen),
 *                c(reate), r(ead), w(rite), s(ync), t(runcate), n (rename), u(nlink), d (make folder). WHAT is the name
 *                of an error, `short` (half of the bytes), `kill` (before the call), `slow` (likewise, but 50 ms later, in which
 *                threads go on that do not touch the folder), `late` (after it), `torn` (after half of a write) or `none`,
 *                which only counts
 *   DISK_WHILE   a file: without it, calls are neither counted nor failed
 *   DISK_REPORT  file that gets a line for every fault, and the number of calls counted when the program exits
 *
 * What it does not see are system calls that are made without the C library. The campaign compares it with strace. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX], armed_by[PATH_MAX], calls[16];
static size_t folder_length;
static int log_fd = -1, report_fd = -1, is_sticky;
static enum { PASS, COUNT, FAIL, SHORT, KILL, SLOW, LATE, TORN } fault;
static int fault_errno;
static long fault_index, counted;

static int open_high(const char *name, int flags) {
    const char *path = getenv(name);
    if (!path || !*path) return -1;
    int fd = syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
    int high = fd < 0 ? -1 : (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
    if (high < 0) { fprintf(stderr, "disk: cannot open %s\n", path); _exit(97); }
    syscall(SYS_close, fd);
    return high;
}

static void parse_fault(const char *text) {
    static const struct { const char *name; int number; } errors[] = {
        {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EINTR", EINTR}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}, {"EMFILE", EMFILE}};
    static const struct { const char *name; int kind; } kinds[] = {
        {"none", COUNT}, {"short", SHORT}, {"kill", KILL}, {"slow", SLOW}, {"late", LATE}, {"torn", TORN}};
    char what[16] = "", plus = 0;
    if (sscanf(text, "%15[^@]@%15[^:]:%ld%c", what, calls, &fault_index, &plus) < 3) goto bad;
    is_sticky = plus == '+';
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(what, kinds[i].name)) { fault = kinds[i].kind; return; }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (!strcmp(what, errors[i].name)) { fault = FAIL; fault_errno = errors[i].number; return; }
bad:
    fprintf(stderr, "disk: DISK_FAULT is %s\n", text);
    _exit(97);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DISK_FOLDER"), *text = getenv("DISK_FAULT"), *armed = getenv("DISK_WHILE");
    if (!path) return;
    folder_length = strlen(strcpy(folder, path));
    if (armed) strcpy(armed_by, armed);
    log_fd = open_high("DISK_LOG", O_WRONLY | O_CREAT | O_APPEND);
    report_fd = open_high("DISK_REPORT", O_WRONLY | O_CREAT | O_APPEND);
    if (text && *text) parse_fault(text);
}

static void report(const char *call, const char *path) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s %ld %s\n", call, counted, path);
    if (report_fd >= 0) syscall(SYS_write, report_fd, line, length);
}

__attribute__((destructor)) static void end(void) { report("counted", ""); }

/* -- paths --------------------------------------------------------------------------------------------------------- */

static int is_inside(const char *path) {
    return folder_length && !strncmp(path, folder, folder_length) &&
           (path[folder_length] == 0 || path[folder_length] == '/');
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0 && is_inside(path);
}

static int path_at(int dir, const char *name, char *path) {
    if (!folder_length) return 0;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else {
        if (dir == AT_FDCWD) { if (!getcwd(path, PATH_MAX)) return 0; }
        else if (!path_of(dir, path)) return 0;
        size_t length = strlen(path);
        snprintf(path + length, PATH_MAX - length, "/%s", name);
    }
    return is_inside(path);
}

/* -- the log ------------------------------------------------------------------------------------------------------- */

struct header { uint32_t magic; uint8_t kind, pad; uint16_t path_length; int64_t number; uint32_t data_length, pid; };

static void note(char kind, const char *path, int64_t number, const struct iovec *data, int data_count, size_t bytes) {
    if (log_fd < 0) return;
    struct header header = {0x4b534944, kind, 0, strlen(path), number, bytes, getpid()};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)path, header.path_length}};
    syscall(SYS_writev, log_fd, parts, 2);
    for (int i = 0; i < data_count && bytes; i++) {
        size_t length = data[i].iov_len < bytes ? data[i].iov_len : bytes;
        syscall(SYS_write, log_fd, data[i].iov_base, length);
        bytes -= length;
    }
}

static void note_path(char kind, const char *path, int64_t number) { note(kind, path, number, NULL, 0, 0); }

/* -- faults -------------------------------------------------------------------------------------------------------- */

static void die(void) { for (;;) syscall(SYS_kill, getpid(), SIGKILL); }

/* What becomes of a call that is about to be made. The lock is held until `leave`. */
static int enter(char call, const char *path) {
    pthread_mutex_lock(&guard);
    if (fault == PASS || !strchr(calls, call)) return PASS;
    if (armed_by[0] && syscall(SYS_faccessat, AT_FDCWD, armed_by, F_OK)) return PASS;
    counted++;
    if (fault == COUNT || !(is_sticky ? counted >= fault_index : counted == fault_index)) return PASS;
    char name[2] = {call, 0};
    report(name, path);
    if (fault == SLOW) nanosleep(&(struct timespec){0, 50000000}, NULL);
    if (fault == KILL || fault == SLOW) die();
    return fault;
}

static void leave(int what) {
    int saved = errno;
    if (what == LATE || what == TORN) die();
    pthread_mutex_unlock(&guard);
    errno = saved;
}

static long fail(int what) { leave(what); errno = fault_errno; return -1; }

/* -- open, read, write --------------------------------------------------------------------------------------------- */

static int open_at(int dir, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    if (!path_at(dir, name, path)) return syscall(SYS_openat, dir, name, flags, mode);
    int was_missing = (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK);
    int what = enter(was_missing ? 'c' : 'o', path);
    if (what == FAIL) return fail(what);
    int fd = syscall(SYS_openat, dir, name, flags, mode);
    if (fd >= 0 && (flags & O_TMPFILE) == O_TMPFILE) note_path('!', "O_TMPFILE", 0);
    if (fd >= 0 && was_missing) note_path('o', path, 0);
    if (fd >= 0 && !was_missing && (flags & O_TRUNC)) note_path('t', path, 0);
    leave(what);
    return fd;
}

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }

int open(const char *name, int flags, ...) { MODE(flags, mode) return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags, mode) return open_at(AT_FDCWD, name, flags, mode); }
int openat(int dir, const char *name, int flags, ...) { MODE(flags, mode) return open_at(dir, name, flags, mode); }
int openat64(int dir, const char *name, int flags, ...) { MODE(flags, mode) return open_at(dir, name, flags, mode); }
int creat(const char *name, mode_t mode) { return open_at(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static ssize_t read_at(int fd, void *bytes, size_t length, off_t offset, int is_positioned) {
    char path[PATH_MAX];
    int is_ours = folder_length && path_of(fd, path), what = is_ours ? enter('r', path) : PASS;
    if (what == FAIL) return fail(what);
    if (what == SHORT && length > 1) length /= 2;
    ssize_t done = is_positioned ? syscall(SYS_pread64, fd, bytes, length, offset) : syscall(SYS_read, fd, bytes, length);
    if (is_ours) leave(what);
    return done;
}

ssize_t read(int fd, void *bytes, size_t length) { return read_at(fd, bytes, length, 0, 0); }
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return read_at(fd, bytes, length, offset, 1); }
ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) { return read_at(fd, bytes, length, offset, 1); }

static size_t sum(const struct iovec *parts, int count) {
    size_t bytes = 0;
    for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
    return bytes;
}

/* An answer counts as given when its first byte is about to leave, so it is logged before it does. */
static void note_answer(const struct iovec *parts, int count) {
    if (log_fd < 0 || count < 1 || parts[0].iov_len < 12 || memcmp(parts[0].iov_base, "HTTP/1.1 ", 9)) return;
    pthread_mutex_lock(&guard);
    note_path('A', "", atoi((const char *)parts[0].iov_base + 9));
    pthread_mutex_unlock(&guard);
}

static ssize_t write_at(int fd, const struct iovec *parts, int count, off_t offset, int is_positioned) {
    char path[PATH_MAX];
    if (!folder_length || !path_of(fd, path)) {
        note_answer(parts, count);
        return is_positioned ? syscall(SYS_pwritev, fd, parts, count, offset, 0) : syscall(SYS_writev, fd, parts, count);
    }
    int what = enter('w', path);
    if (what == FAIL) return fail(what);
    struct iovec half = parts[0];
    if ((what == SHORT || what == TORN) && sum(parts, count) > 1) {
        half.iov_len = half.iov_len > 1 ? half.iov_len / 2 : 1;
        parts = &half;
        count = 1;
    }
    if (!is_positioned) {
        int flags = syscall(SYS_fcntl, fd, F_GETFL);
        offset = syscall(SYS_lseek, fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    }
    ssize_t done = is_positioned ? syscall(SYS_pwritev, fd, parts, count, offset, 0) : syscall(SYS_writev, fd, parts, count);
    if (done > 0) note('w', path, offset, parts, count, done);
    leave(what);
    return done;
}

#define ONE(bytes, length) (struct iovec[]){{(void *)(bytes), length}}, 1
ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, ONE(bytes, length), 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, ONE(bytes, length), at, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return write_at(fd, ONE(bytes, length), at, 1); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_at(fd, parts, count, 0, 0); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return write_at(fd, parts, count, at, 1); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return write_at(fd, parts, count, at, 1); }

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    note_answer(ONE(bytes, length));
    return syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    note_answer(message->msg_iov, message->msg_iovlen);
    return syscall(SYS_sendmsg, fd, message, flags);
}

/* -- sync, size ---------------------------------------------------------------------------------------------------- */

static int sync_file(int fd, long number) {
    char path[PATH_MAX];
    if (!folder_length || !path_of(fd, path)) return syscall(number, fd);
    int what = enter('s', path);
    if (what == FAIL) { note_path('x', path, 0); return fail(what); }
    int done = syscall(number, fd);
    note_path(done ? 'x' : 's', path, 0);
    leave(what);
    return done;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int resize(int fd, off_t length, int is_allocation, int mode, off_t offset) {
    char path[PATH_MAX];
    int is_ours = folder_length && path_of(fd, path), what = is_ours ? enter('t', path) : PASS;
    if (what == FAIL) return fail(what);
    int done = is_allocation ? syscall(SYS_fallocate, fd, mode, offset, length) : syscall(SYS_ftruncate, fd, length);
    if (!done && is_ours && is_allocation && (mode || offset)) note_path('!', "fallocate with a mode", 0);
    struct stat now;
    if (!done && is_ours && !fstat(fd, &now)) note_path('t', path, now.st_size);
    if (is_ours) leave(what);
    return done;
}

int ftruncate(int fd, off_t length) { return resize(fd, length, 0, 0, 0); }
int ftruncate64(int fd, off64_t length) { return resize(fd, length, 0, 0, 0); }
int fallocate(int fd, int mode, off_t offset, off_t length) { return resize(fd, length, 1, mode, offset); }
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return resize(fd, length, 1, mode, offset); }
int posix_fallocate(int fd, off_t offset, off_t length) { return resize(fd, length, 1, 0, offset) ? errno : 0; }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return resize(fd, length, 1, 0, offset) ? errno : 0; }

/* -- names --------------------------------------------------------------------------------------------------------- */

static int rename_at(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    char path[PATH_MAX], target[PATH_MAX];
    if (!path_at(to_dir, to, target)) return syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    int what = enter('n', target);
    if (what == FAIL) return fail(what);
    int done = syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (!done && !path_at(from_dir, from, path)) note_path('!', "a rename into the folder", 0);
    else if (!done) note('n', path, flags, ONE(target, strlen(target)), strlen(target));
    leave(what);
    return done;
}

int rename(const char *from, const char *to) { return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return rename_at(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return rename_at(a, from, b, to, flags); }

static int remove_at(int dir, const char *name, int flags) {
    char path[PATH_MAX];
    if (!path_at(dir, name, path)) return syscall(SYS_unlinkat, dir, name, flags);
    int what = enter('u', path);
    if (what == FAIL) return fail(what);
    int done = syscall(SYS_unlinkat, dir, name, flags);
    if (!done) note_path('u', path, 0);
    leave(what);
    return done;
}

int unlink(const char *name) { return remove_at(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return remove_at(AT_FDCWD, name, AT_REMOVEDIR); }
int unlinkat(int dir, const char *name, int flags) { return remove_at(dir, name, flags); }

static int make_folder(int dir, const char *name, mode_t mode) {
    char path[PATH_MAX];
    if (!path_at(dir, name, path)) return syscall(SYS_mkdirat, dir, name, mode);
    int what = enter('d', path);
    if (what == FAIL) return fail(what);
    int done = syscall(SYS_mkdirat, dir, name, mode);
    if (!done) note_path('d', path, 0);
    leave(what);
    return done;
}

int mkdir(const char *name, mode_t mode) { return make_folder(AT_FDCWD, name, mode); }
int mkdirat(int dir, const char *name, mode_t mode) { return make_folder(dir, name, mode); }

/* -- what a log could not tell ------------------------------------------------------------------------------------- */

static int refuse(const char *what) {
    pthread_mutex_lock(&guard);
    note_path('!', what, 0);
    pthread_mutex_unlock(&guard);
    return 0;
}

/* SQLite's -shm file is memory that is shared between processes. It is not read after a crash. */
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    char path[PATH_MAX];
    if (fd >= 0 && (protection & PROT_WRITE) && (flags & MAP_SHARED) && folder_length && path_of(fd, path)) {
        size_t end = strlen(path);
        if (end < 4 || strcmp(path + end - 4, "-shm")) refuse("a mapping that writes");
    }
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

void *mmap(void *a, size_t b, int c, int d, int e, off_t f) { return mmap64(a, b, c, d, e, f); }

ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t length, unsigned flags) {
    char path[PATH_MAX];
    if (folder_length && path_of(to, path)) { errno = EXDEV; return -1; }
    return syscall(SYS_copy_file_range, from, a, to, b, length, flags);
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
    char path[PATH_MAX];
    if (path_at(b, to, path)) refuse("a hard link");
    return syscall(SYS_linkat, a, from, b, to, flags);
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
