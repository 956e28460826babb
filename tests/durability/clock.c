/* A wall clock that can be moved while a program runs.
 *
 * Loaded in front of the C library with LD_PRELOAD, it adds the seconds in the file CLOCK_OFFSET, eight bytes in the order of the
 * machine, to the time of day. Clocks that count from the start of the machine go on as they are, as they do when an
 * administrator sets the time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_OFFSET");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) { fprintf(stderr, "clock: cannot map %s\n", path ? path : "CLOCK_OFFSET"); _exit(97); }
    close(fd);
    offset = mapped;
}

static int64_t moved_by(void) { return offset ? __atomic_load_n(offset, __ATOMIC_RELAXED) : 0; }

int clock_gettime(clockid_t id, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += moved_by();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = (int)syscall(SYS_gettimeofday, now, zone);
    if (result == 0) now->tv_sec += moved_by();
    return result;
}

time_t time(time_t *now) {
    struct timespec read;
    clock_gettime(CLOCK_REALTIME, &read);
    if (now) *now = read.tv_sec;
    return read.tv_sec;
}
