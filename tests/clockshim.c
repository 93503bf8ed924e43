/*
 * LD_PRELOAD: gives a process another CLOCK_REALTIME, so that a test can step and slew the clock that
 * tickwire-clock follows, or have it make a leap second, while the machine's own is left alone. The file
 * named by CLOCKSHIM_FILE holds one struct clockshim, which a test writes at any time. Without the variable
 * or the file nothing changes.
 *
 *   shown = real + offset + rate * (real - epoch)
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "tests/clockshim.h"

static const struct clockshim *shim;

int clock_gettime(clockid_t clock, struct timespec *t);
int adjtimex(struct timex *timex);

__attribute__((constructor)) static void open_shim(void)
{
	const char *path = getenv("CLOCKSHIM_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*shim), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		shim = at;
}

/* The file's words change one by one, so a test raises `sequence` before and after: odd, or moved, means read
 * again. */
static struct clockshim read_shim(void)
{
	struct clockshim s;
	uint64_t before;

	do {
		before = __atomic_load_n(&shim->sequence, __ATOMIC_ACQUIRE);
		s = *(const volatile struct clockshim *)shim;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (before % 2 || __atomic_load_n(&shim->sequence, __ATOMIC_RELAXED) != before);
	return s;
}

static void add_seconds(struct timespec *t, double seconds)
{
	int64_t whole = (int64_t)seconds;
	int64_t ns = t->tv_nsec + (int64_t)((seconds - (double)whole) * 1e9);

	if (ns < 0) {
		ns += 1000000000;
		whole--;
	} else if (ns >= 1000000000) {
		ns -= 1000000000;
		whole++;
	}
	t->tv_sec += whole;
	t->tv_nsec = (long)ns;
}

/* The leap second has been made. `t`: what would be shown without. */
static bool has_leapt(const struct clockshim *s, const struct timespec *t)
{
	const double since = (double)t->tv_sec - s->leap_at + (double)t->tv_nsec * 1e-9;

	return s->leap && since >= s->leap_late;
}

static void show(const struct clockshim *s, struct timespec *t)
{
	add_seconds(t, s->offset + s->rate * ((double)(t->tv_sec - s->epoch) + (double)t->tv_nsec * 1e-9));
	if (has_leapt(s, t))
		t->tv_sec -= s->leap;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int result = (int)syscall(SYS_clock_gettime, clock, t);
	struct clockshim s;

	if (result != 0 || clock != CLOCK_REALTIME || !shim)
		return result;
	s = read_shim();
	show(&s, t);
	return 0;
}

/* Reads only; says of a leap second what the kernel would. */
int adjtimex(struct timex *timex)
{
	const int state = (int)syscall(SYS_adjtimex, timex);
	struct clockshim s;
	struct timespec t;

	if (!shim || state < 0)
		return state;
	s = read_shim();
	if (s.leap == 0 || syscall(SYS_clock_gettime, CLOCK_REALTIME, &t) != 0)
		return state;
	add_seconds(&t, s.offset);
	timex->status |= s.leap > 0 ? STA_INS : STA_DEL;
	if (has_leapt(&s, &t))
		return TIME_WAIT;
	return s.leap > 0 ? TIME_INS : TIME_DEL;
}
